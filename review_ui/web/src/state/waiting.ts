/** What the server has not answered yet, laid over what it told: a reload shows what was said before it. */

import type { ImageAnswer, Operation } from "../api/types";
import { type Change, changed } from "./history";

/** The change an operation makes; what was before it does not matter here. */
function changeOf(op: Operation): Change {
  switch (op.kind) {
    case "verdict":
      return { kind: "verdict", boxId: op.box_id, before: "none", after: op.value };
    case "geometry":
      return { kind: "geometry", boxId: op.box_id, before: null, after: op.value };
    case "class":
      return { kind: "class", boxId: op.box_id, before: null, after: op.value };
    case "delete":
      return { kind: "delete", boxId: op.box_id, before: false, after: op.value };
    case "add":
      return { kind: "add", boxId: op.box_id, className: op.value.class_name, corners: op.value.corners };
    case "image_verdict":
      return { kind: "image_verdict", before: "none", after: op.value };
    case "note":
      return { kind: "note", boxId: op.box_id ?? null, before: "", after: op.value };
  }
}

/** An image with operations laid over it; those the server has taken already (by their base) are passed over. */
export function withWaiting(image: ImageAnswer, ops: readonly Operation[]): ImageAnswer {
  let now = image;
  for (const op of ops) {
    if (op.image_id !== image.image_id) continue;
    now = withChange(now, changeOf(op), op.reviewer, op.base_version);
  }
  return now;
}

/** An image after a change. With a base, only where the subject still is at it. */
export function withChange(image: ImageAnswer, change: Change, reviewer: string, base?: number): ImageAnswer {
  const boxId = "boxId" in change ? change.boxId : null;
  if (boxId === null) {
    if (base !== undefined && base !== image.version) return image;
    const next = { ...image, version: image.version + 1 };
    if (change.kind === "image_verdict") return { ...next, decision: change.after };
    return change.kind === "note" ? { ...next, note: change.after || null } : next;
  }
  const box = image.boxes.find((one) => one.box_id === boxId);
  if (base !== undefined && base !== (box?.version ?? 0)) return image;
  if (change.kind === "add" && box !== undefined) return image;
  return { ...image, boxes: changed(image.boxes, change, reviewer) };
}
