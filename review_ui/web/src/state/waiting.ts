/** What the server has not answered yet, laid over what it told: a reload shows what was said before it. */

import type { ImageAnswer, Operation } from "../api/types";
import { changedImage } from "./changed";
import type { Change } from "./history";

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
export const withWaiting = (image: ImageAnswer, ops: readonly Operation[]): ImageAnswer =>
  changedImage(
    image,
    ops
      .filter((op) => op.image_id === image.image_id)
      .map((op) => ({ change: changeOf(op), reviewer: op.reviewer, base: op.base_version })),
  );
