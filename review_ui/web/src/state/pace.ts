/** How many boxes somebody decides a minute, while they decide: a pause does not count. */

/** Decisions further apart than this have a pause between them. */
export const PAUSE_MS = 30_000;
/** So many decisions back. */
const MOST = 60;

export class Pace {
  private moments: readonly number[] = [];

  /** Another decision, at a time in milliseconds. */
  decided(at: number): void {
    this.moments = [...this.moments.slice(-(MOST - 1)), at];
  }

  /** Decisions a minute over the last ones; null: too few to tell. */
  get aMinute(): number | null {
    const gaps = this.moments.slice(1).map((at, number) => at - this.moments[number]!);
    const worked = gaps.filter((gap) => gap < PAUSE_MS);
    const ms = worked.reduce((sum, gap) => sum + gap, 0);
    return worked.length < 5 || ms === 0 ? null : (worked.length / ms) * 60_000;
  }
}
