/** Asks again and again, one question at a time; when there is no answer it waits, longer each time. */

const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 15_000;

export interface Hearer<Answer> {
  /** The answer and how many milliseconds it took. */
  heard(answer: Answer, ms: number): void;
  /** Why there is none, and in how many milliseconds it is asked again. */
  failed(error: unknown, pause: number): void;
}

export class Asking<Answer> {
  private ended = false;
  private pause = FIRST_PAUSE;
  private wake: (() => void) | null = null;

  /**
   * @param ask gives the answer to one question; null: there is nothing to ask just now.
   */
  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<Answer | null>,
    private readonly hearer: Hearer<Answer>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  private readonly abort = new AbortController();

  /** Until `end`. */
  async go(): Promise<void> {
    while (!this.ended) {
      const began = this.now();
      try {
        const answer = await this.ask(this.abort.signal);
        if (this.ended) return;
        if (answer === null) await this.rest(100);
        else {
          this.pause = FIRST_PAUSE;
          this.hearer.heard(answer, this.now() - began);
        }
      } catch (error) {
        if (this.ended) return;
        this.hearer.failed(error, this.pause);
        await this.rest(this.pause);
        this.pause = Math.min(this.pause * 2, LAST_PAUSE);
      }
    }
  }

  /** Ask no more; an answer that is still under way is not heard. */
  end(): void {
    this.ended = true;
    this.abort.abort();
    this.wake?.();
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
