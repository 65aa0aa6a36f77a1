/**
 * What the pointer does to an image: a drag pans, or draws, resizes or moves a box; two fingers zoom; a press that stays
 * where it is chooses.
 */

import { drawn, isSame, moved, resized } from "./edit";
import { type Handle, boxAt, handleAt } from "./hit";
import { type Corners, type Point, type Size, type Viewport, panned, toImage, zoomed } from "./viewport";

export type Gesture =
  | { readonly kind: "pan"; readonly at: Point; readonly far: boolean }
  | { readonly kind: "draw"; readonly from: Point; readonly to: Point }
  | (Held & { readonly kind: "resize"; readonly handle: Handle })
  | (Held & { readonly kind: "move"; readonly from: Point })
  | { readonly kind: "pinch"; readonly apart: number; readonly middle: Point };

/** A box in the hand: which one, as it was, and as it is now. */
interface Held {
  readonly boxId: string;
  readonly box: Corners;
  readonly corners: Corners;
}

/** What the pointer meets. */
export interface Field {
  readonly image: Size;
  readonly screen: Size;
  readonly boxes: ReadonlyArray<{ readonly box_id: string; readonly corners: Corners }>;
  readonly chosen: number | null;
  readonly hidden: boolean;
  readonly drawing: boolean;
}

/** What a gesture has come to. */
export type Result =
  | { readonly kind: "choose"; readonly number: number | null }
  | { readonly kind: "edit"; readonly boxId: string; readonly corners: Corners }
  | { readonly kind: "draw"; readonly corners: Corners };

/** CSS pixels from which on a press is a drag. */
const FAR = 4;

/** A gesture that begins with a press. */
export function begun(at: Point, shift: boolean, view: Viewport, field: Field): Gesture {
  const { image, boxes, chosen, hidden, drawing } = field;
  const from = toImage(view, image, at);
  if (drawing) return { kind: "draw", from, to: from };
  const found = chosen === null ? undefined : boxes[chosen];
  if (found !== undefined) {
    const held = { boxId: found.box_id, box: found.corners, corners: found.corners };
    const handle = hidden ? null : handleAt(held.box, view, image, at);
    if (handle !== null) return { kind: "resize", handle, ...held };
    if (shift && boxAt([held.box], view, image, at) === 0) return { kind: "move", from, ...held };
  }
  return { kind: "pan", at, far: false };
}

/** Two fingers. */
export function pinched(one: Point, other: Point): Extract<Gesture, { kind: "pinch" }> {
  return {
    kind: "pinch",
    apart: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)),
    middle: { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 },
  };
}

/** A gesture that goes on, and the view it leads to. `pointers` are all that are down, the one at `at` among them. */
export function followed(
  doing: Gesture,
  at: Point,
  pointers: readonly Point[],
  view: Viewport,
  field: Field,
): readonly [Gesture, Viewport] {
  const { image, screen } = field;
  const to = toImage(view, image, at);
  switch (doing.kind) {
    case "pan": {
      const [dx, dy] = [at.x - doing.at.x, at.y - doing.at.y];
      if (!doing.far && Math.hypot(dx, dy) < FAR) return [doing, view];
      return [{ kind: "pan", at, far: true }, panned(view, dx, dy, image, screen)];
    }
    case "pinch": {
      const [one, other] = pointers;
      if (one === undefined || other === undefined) return [doing, view];
      const next = pinched(one, other);
      const closer = zoomed(view, next.apart / doing.apart, doing.middle, image, screen);
      const [dx, dy] = [next.middle.x - doing.middle.x, next.middle.y - doing.middle.y];
      return [next, panned(closer, dx, dy, image, screen)];
    }
    case "draw":
      return [{ ...doing, to }, view];
    case "resize":
      return [{ ...doing, corners: resized(doing.box, doing.handle, to, image) }, view];
    case "move":
      return [{ ...doing, corners: moved(doing.box, to.x - doing.from.x, to.y - doing.from.y) }, view];
  }
}

/** What a gesture that ends at a place has come to; null: nothing. */
export function ended(doing: Gesture, at: Point, view: Viewport, field: Field): Result | null {
  const { image, boxes, hidden } = field;
  switch (doing.kind) {
    case "pan": {
      if (doing.far) return null;
      const under = () =>
        boxAt(
          boxes.map((box) => box.corners),
          view,
          image,
          at,
        );
      return { kind: "choose", number: hidden ? null : under() };
    }
    case "pinch":
      return null;
    case "draw": {
      const corners = drawn(doing.from, doing.to, image);
      return corners === null ? null : { kind: "draw", corners };
    }
    default:
      if (isSame(doing.corners, doing.box, image)) return null;
      return { kind: "edit", boxId: doing.boxId, corners: doing.corners };
  }
}
