/** Images and boxes as they are after a change, before the server has said so. */

import type { BoxAnswer, ImageAnswer } from "../api/types";
import type { Change } from "./history";

/** A change, whose it is, and the version it was said of where that may be gone. */
export interface Said {
  readonly change: Change;
  readonly reviewer: string;
  readonly base?: number;
}

/** An image after all of them. What was said of another version is passed over: the server has taken it, or refused it. */
export function changedImage(image: ImageAnswer, all: readonly Said[]): ImageAnswer {
  const boxes = new Map(image.boxes.map((box) => [box.box_id, box]));
  let now = image;
  for (const { change, reviewer, base } of all) {
    const boxId = "boxId" in change ? change.boxId : null;
    const before = boxId === null ? now : boxes.get(boxId);
    if (base !== undefined && base !== (before?.version ?? 0)) continue;
    if (boxId === null) {
      now = { ...now, version: now.version + 1 };
      if (change.kind === "image_verdict") now = { ...now, decision: change.after };
      if (change.kind === "note") now = { ...now, note: change.after || null };
    } else {
      const box = changedBox(boxes.get(boxId), change, reviewer);
      if (box !== undefined) boxes.set(boxId, box);
    }
  }
  return { ...now, boxes: [...boxes.values()] };
}

/** A box after a change; undefined: it is not there, and the change makes none. */
export function changedBox(box: BoxAnswer | undefined, change: Change, reviewer: string): BoxAnswer | undefined {
  if (change.kind === "add") return box ?? drawnBox(change, reviewer);
  if (box === undefined) return undefined;
  const next = { ...box, version: box.version + 1 };
  switch (change.kind) {
    case "verdict":
      return { ...next, decision: change.after, reviewer };
    case "geometry":
      return { ...next, corners: change.after ?? box.found?.corners ?? box.corners, reviewer };
    case "class":
      return { ...next, class_name: change.after ?? box.found?.class_name ?? box.class_name, reviewer };
    case "delete":
      return { ...next, deleted: change.after, reviewer };
    case "note":
      return { ...next, note: change.after || null };
    default:
      return box;
  }
}

function drawnBox(change: Extract<Change, { kind: "add" }>, reviewer: string): BoxAnswer {
  return {
    box_id: change.boxId,
    class_name: change.className,
    corners: change.corners,
    version: 1,
    decision: "approved",
    drawn_by: reviewer,
    reviewer,
    backend: "person",
    model: reviewer,
    query: null,
    score: null,
    score_kind: null,
    verdict: null,
    p_yes: null,
    found: null,
    deleted: false,
    note: null,
    at: null,
    carried: false,
  };
}
