/**
 * Undo and redo. The log is never rewritten: undo says once more what was there before, and redo what was there after.
 * A step is what one key press did, be it one operation or two hundred.
 */

import type { Corners, Decision, Operation } from "../api/types";

/** A change of a box or image, with what was there before it. */
export type Change =
  | { kind: "verdict"; boxId: string; before: Decision; after: Decision }
  | { kind: "geometry"; boxId: string; before: Corners | null; after: Corners | null }
  | { kind: "class"; boxId: string; before: string | null; after: string | null }
  | { kind: "delete"; boxId: string; before: boolean; after: boolean }
  | { kind: "add"; boxId: string; className: string; corners: Corners }
  | { kind: "image_verdict"; before: Decision; after: Decision }
  | { kind: "note"; boxId: string | null; before: string; after: string };

export interface Step {
  readonly bucket: string;
  readonly imageId: string;
  readonly changes: readonly Change[];
}

const MOST = 1000;

/** The change that takes another one back. A drawn box is deleted, and comes back when that is undone. */
export function inverse(change: Change): Change {
  if (change.kind === "add") return { kind: "delete", boxId: change.boxId, before: false, after: true };
  return { ...change, before: change.after, after: change.before } as Change;
}

export class History {
  private done: Step[] = [];
  private undone: Step[] = [];

  /** A new step; what was undone before cannot be done again. */
  push(step: Step): void {
    this.done = [...this.done.slice(-(MOST - 1)), step];
    this.undone = [];
  }

  /** What must be said to take the last step back: its changes, the last one first. */
  undo(): Step | null {
    const step = this.done.pop();
    if (step === undefined) return null;
    const back = { ...step, changes: [...step.changes].reverse().map(inverse) };
    this.undone.push(back);
    return back;
  }

  /** What must be said to do it again. */
  redo(): Step | null {
    const back = this.undone.pop();
    if (back === undefined) return null;
    const step = { ...back, changes: [...back.changes].reverse().map(inverse) };
    this.done.push(step);
    return step;
  }
}

/** Versions by subject: a box id, or `image` for the image itself. */
export type Versions = ReadonlyMap<string, number>;

/** The operations that say a step; each is based on what the one before it leaves. */
export function operationsOf(step: Step, versions: Versions, reviewer: string, newId: () => string): Operation[] {
  const base = new Map(versions);
  return step.changes.map((change) => {
    const subject = "boxId" in change && change.boxId !== null ? change.boxId : "image";
    const version = base.get(subject) ?? 0;
    base.set(subject, version + 1);
    const about = { op_id: newId(), bucket: step.bucket, image_id: step.imageId, base_version: version, reviewer };
    switch (change.kind) {
      case "verdict":
        return { ...about, kind: "verdict", box_id: change.boxId, value: change.after };
      case "geometry":
        return { ...about, kind: "geometry", box_id: change.boxId, value: change.after };
      case "class":
        return { ...about, kind: "class", box_id: change.boxId, value: change.after };
      case "delete":
        return { ...about, kind: "delete", box_id: change.boxId, value: change.after };
      case "add":
        return {
          ...about,
          kind: "add",
          box_id: change.boxId,
          value: { class_name: change.className, corners: change.corners },
        };
      case "image_verdict":
        return { ...about, kind: "image_verdict", value: change.after };
      case "note":
        return { ...about, kind: "note", box_id: change.boxId, value: change.after };
    }
  });
}
