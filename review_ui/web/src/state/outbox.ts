/**
 * What was said and has not been answered yet. It is kept (in IndexedDB) before it is shown as said, and sent in its
 * order, a batch at a time; what is not answered is sent again, and counts once by its `op_id`.
 */

import type { Operation, Outcome } from "../api/types";
import { subjectOf } from "./subject";

export interface Kept {
  /** Ascending: the order in which things were said. */
  readonly number: number;
  readonly project: string;
  readonly op: Operation;
}

/** Where operations wait; survives reload. */
export interface Shelf {
  all(): Promise<Kept[]>;
  add(project: string, ops: readonly Operation[]): Promise<Kept[]>;
  remove(numbers: readonly number[]): Promise<void>;
}

/**
 * How a batch of one bucket is sent. It throws `Offline` where nothing can be sent just now, `NotNow` where nothing of
 * this bucket can, and anything else where one of the batch is never taken.
 */
export type Send = (project: string, ops: readonly Operation[]) => Promise<readonly Outcome[]>;

export class Offline extends Error {}

/** The project's YAML cannot be read just now, its bucket is being labelled anew: it is no fault of what was said. */
export class NotNow extends Error {}

export interface Conflict {
  readonly project: string;
  readonly op: Operation;
  readonly outcome: Outcome;
}

export interface Listener {
  /** How many wait, and what keeps them from being sent just now. */
  waiting(count: number, hindrance: string | null): void;
  saved(op: Operation): void;
  /** Somebody has said something since: both are shown, and the person chooses. */
  conflict(conflict: Conflict): void;
  /** The server takes this in no way; it is out of the queue, and the person is told why. */
  refused(project: string, op: Operation, why: string): void;
}

const MOST = 200;
/** So many of the things that were taken are remembered. */
const REMEMBERED = 2000;
const FIRST_PAUSE = 500;
const LAST_PAUSE = 15_000;

export class Outbox {
  private taken: Operation[] = [];
  private kept: Kept[] = [];
  /** Said, and on the way to the shelf. */
  private coming: Operation[] = [];
  private hindrance: string | null = null;
  private sending = false;
  private pause = FIRST_PAUSE;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly shelf: Shelf,
    private readonly send: Send,
    private readonly listener: Listener,
  ) {}

  /** Take up what an earlier page left. */
  async open(): Promise<void> {
    this.kept = await this.shelf.all();
    this.tell();
    void this.drain();
  }

  /** Say something. It resolves when it is kept here; what the server says of it, the listener hears. */
  async say(project: string, ops: readonly Operation[]): Promise<void> {
    this.coming.push(...ops);
    this.tell(); // what is shown as decided must not be shown as saved for one moment
    try {
      const added = await this.shelf.add(project, ops); // `kept` may be another list by then
      this.kept.push(...added);
    } finally {
      this.coming = this.coming.filter((one) => !ops.includes(one));
      this.tell();
    }
    void this.drain();
  }

  private tell(): void {
    this.listener.waiting(this.kept.length + this.coming.length, this.hindrance);
  }

  /**
   * What was said here, in order: what waits, and what was taken a while ago as well. A server's answer about a box can
   * be older than the word that has been taken since.
   */
  get said(): readonly Operation[] {
    return [...this.taken, ...this.kept.map((one) => one.op), ...this.coming];
  }

  /** Resolves when nothing waits any more. Throws `Offline` when that takes longer than so many milliseconds. */
  async empty(ms: number): Promise<void> {
    for (const end = Date.now() + ms; this.kept.length + this.coming.length > 0;) {
      if (Date.now() >= end) throw new Offline("not all is saved yet");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Try at once: the network is there again. */
  async drain(): Promise<void> {
    if (this.sending) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.sending = true;
    const passed = new Set<string>(); // buckets of which nothing is taken in this round
    let hindrance: string | null = null;
    try {
      for (let batch = this.next(passed); batch.length > 0; batch = this.next(passed)) {
        try {
          await this.deliver(batch);
          this.pause = FIRST_PAUSE;
          this.hindrance = hindrance;
          this.tell();
        } catch (error) {
          if (!(error instanceof NotNow)) throw error;
          passed.add(bucketOf(batch[0]!));
          hindrance = error.message;
        }
      }
    } catch (error) {
      // Whatever it is (the browser's database among it): what may be said twice is lost by nothing but giving up.
      hindrance = error instanceof Error ? error.message : String(error);
    } finally {
      this.sending = false;
    }
    this.hindrance = hindrance;
    this.tell();
    if (hindrance === null) return;
    this.timer = setTimeout(() => void this.drain(), this.pause);
    this.pause = Math.min(this.pause * 2, LAST_PAUSE);
  }

  /** The oldest that wait, all of one bucket. */
  private next(passed: ReadonlySet<string>): readonly Kept[] {
    const first = this.kept.find((one) => !passed.has(bucketOf(one)));
    if (first === undefined) return [];
    const batch: Kept[] = [];
    for (const one of this.kept) {
      if (bucketOf(one) === bucketOf(first)) batch.push(one);
      if (batch.length === MOST) break;
    }
    return batch;
  }

  private async deliver(batch: readonly Kept[]): Promise<void> {
    const { project } = batch[0]!;
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.send(
        project,
        batch.map((one) => one.op),
      );
    } catch (error) {
      if (error instanceof Offline || error instanceof NotNow) throw error;
      // One of them is not taken at all, and none of the batch was: find it by sending each alone.
      if (batch.length > 1) {
        for (const one of batch) if (this.kept.includes(one)) await this.deliver([one]);
        return;
      }
      await this.forget(batch);
      this.listener.refused(project, batch[0]!.op, error instanceof Error ? error.message : String(error));
      return;
    }
    const byId = new Map(outcomes.map((outcome) => [outcome.op_id, outcome]));
    const answered = batch.map(({ op }) => ({ op, outcome: byId.get(op.op_id) }));
    if (answered.some(({ outcome }) => outcome === undefined)) throw new Offline("the server did not answer to all");
    const taken = answered.filter(({ outcome }) => outcome?.status === 200).map(({ op }) => op);
    await this.forget(batch, taken);
    for (const op of taken) this.listener.saved(op);
    for (const { op, outcome } of answered) {
      if (outcome === undefined || outcome.status === 200) continue;
      this.listener.conflict({ project, op, outcome });
      await this.giveUp(project, op, outcome);
    }
  }

  /** What was said after a refused operation, by somebody who saw it taken: its base is now another's word. */
  private async giveUp(project: string, refused: Operation, outcome: Outcome): Promise<void> {
    const isLater = (one: Kept) => one.project === project && subjectOf(one.op) === subjectOf(refused);
    const later = this.kept.filter(isLater);
    if (later.length === 0) return;
    await this.forget(later);
    for (const { op } of later) this.listener.conflict({ project, op, outcome: { ...outcome, op_id: op.op_id } });
  }

  /** Let them wait no longer; those that were taken are remembered. */
  private async forget(batch: readonly Kept[], taken: readonly Operation[] = []): Promise<void> {
    const numbers = new Set(batch.map((one) => one.number));
    await this.shelf.remove([...numbers]);
    this.kept = this.kept.filter((one) => !numbers.has(one.number));
    this.taken = [...this.taken, ...taken].slice(-REMEMBERED);
  }
}

const bucketOf = ({ project, op }: Kept) => JSON.stringify([project, op.bucket]);
