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

/** How a batch is sent. It throws `Offline` where it may be sent again, anything else where that is of no use. */
export type Send = (project: string, ops: readonly Operation[]) => Promise<readonly Outcome[]>;

export class Offline extends Error {}

export interface Conflict {
  readonly op: Operation;
  readonly outcome: Outcome;
}

export interface Listener {
  /** How many wait, and whether the server cannot be reached just now. */
  waiting(count: number, offline: boolean): void;
  saved(op: Operation, outcome: Outcome): void;
  /** Somebody has said something since: both are shown, and the person chooses. */
  conflict(conflict: Conflict): void;
  /** The server takes this in no way; it is out of the queue, and the person is told why. */
  refused(op: Operation, why: string): void;
}

const MOST = 200;
/** So many things said are remembered, answered or not. */
const REMEMBERED = 2000;
const FIRST_PAUSE = 500;
const LAST_PAUSE = 15_000;

export class Outbox {
  private kept: Kept[] = [];
  private remembered: Operation[] = [];
  /** Said, and on the way to the shelf. */
  private coming = 0;
  private offline = false;
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
    this.remembered = this.kept.map((one) => one.op);
    this.tell();
    void this.drain();
  }

  /** Say something. It resolves when it is kept here; what the server says of it, the listener hears. */
  async say(project: string, ops: readonly Operation[]): Promise<void> {
    this.coming += ops.length;
    this.remembered.push(...ops);
    if (this.remembered.length > 2 * REMEMBERED) this.remembered = this.remembered.slice(-REMEMBERED);
    this.tell(); // what is shown as decided must not be shown as saved for one moment
    try {
      const added = await this.shelf.add(project, ops); // `kept` may be another list by then
      this.kept.push(...added);
    } catch (error) {
      this.unlearn(ops);
      throw error;
    } finally {
      this.coming -= ops.length;
      this.tell();
    }
    void this.drain();
  }

  private tell(): void {
    this.listener.waiting(this.kept.length + this.coming, this.offline);
  }

  /**
   * What was said here, in order: what waits, and what was taken a while ago as well. A server's answer about a box can
   * be older than the word that has been taken since.
   */
  get said(): readonly Operation[] {
    return this.remembered;
  }

  private unlearn(ops: readonly Operation[]): void {
    this.remembered = this.remembered.filter((one) => !ops.includes(one));
  }

  /** Resolves when nothing waits any more. Throws `Offline` when that takes longer than so many milliseconds. */
  async empty(ms: number): Promise<void> {
    for (const end = Date.now() + ms; this.kept.length + this.coming > 0;) {
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
    try {
      while (this.kept.length > 0) {
        const project = this.kept[0]!.project;
        const end = this.kept.findIndex((one) => one.project !== project);
        await this.deliver(project, this.kept.slice(0, Math.min(end < 0 ? Infinity : end, MOST)));
        this.pause = FIRST_PAUSE;
        this.offline = false;
        this.tell();
      }
    } catch (error) {
      if (!(error instanceof Offline)) throw error;
      this.offline = true;
      this.tell();
      this.timer = setTimeout(() => void this.drain(), this.pause);
      this.pause = Math.min(this.pause * 2, LAST_PAUSE);
    } finally {
      this.sending = false;
    }
  }

  private async deliver(project: string, batch: readonly Kept[]): Promise<void> {
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.send(
        project,
        batch.map((one) => one.op),
      );
    } catch (error) {
      if (error instanceof Offline) throw error;
      // One of them is not taken at all, and none of the batch was: find it by sending each alone.
      if (batch.length > 1) {
        for (const one of batch) if (this.kept.includes(one)) await this.deliver(project, [one]);
        return;
      }
      this.unlearn([batch[0]!.op]);
      await this.forget(batch);
      this.listener.refused(batch[0]!.op, error instanceof Error ? error.message : String(error));
      return;
    }
    const refused = new Set(outcomes.filter((one) => one.status === 409).map((one) => one.op_id));
    this.unlearn(batch.map((one) => one.op).filter((op) => refused.has(op.op_id)));
    const byId = new Map(outcomes.map((outcome) => [outcome.op_id, outcome]));
    await this.forget(batch);
    for (const { op } of batch) {
      const outcome = byId.get(op.op_id);
      if (outcome === undefined) continue;
      if (outcome.status === 200) this.listener.saved(op, outcome);
      else {
        this.listener.conflict({ op, outcome });
        await this.giveUp(op, outcome);
      }
    }
  }

  /** What was said after a refused operation, by somebody who saw it taken: its base is now another's word. */
  private async giveUp(refused: Operation, outcome: Outcome): Promise<void> {
    const later = this.kept.filter(({ op }) => subjectOf(op) === subjectOf(refused));
    if (later.length === 0) return;
    this.unlearn(later.map((one) => one.op));
    await this.forget(later);
    for (const { op } of later) this.listener.conflict({ op, outcome: { ...outcome, op_id: op.op_id } });
  }

  private async forget(batch: readonly Kept[]): Promise<void> {
    const numbers = new Set(batch.map((one) => one.number));
    await this.shelf.remove([...numbers]);
    this.kept = this.kept.filter((one) => !numbers.has(one.number));
  }
}
