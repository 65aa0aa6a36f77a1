/** What is under the pointer: the smallest box, or a handle of the chosen one. */

import { type Corners, type Point, type Size, type Viewport, toScreen } from "./viewport";

export type Handle = "nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w";

/** CSS pixels around a handle, and around a box too thin to be met. */
export const REACH = 8;

/** The number of the smallest box under the pointer; of two of one size the one that is drawn later. */
export function boxAt(boxes: readonly Corners[], view: Viewport, image: Size, at: Point): number | null {
  let found: number | null = null;
  let least = Infinity;
  boxes.forEach((box, number) => {
    const low = toScreen(view, image, { x: box.x1, y: box.y1 });
    const high = toScreen(view, image, { x: box.x2, y: box.y2 });
    const slackX = Math.max(0, REACH - (high.x - low.x)) / 2;
    const slackY = Math.max(0, REACH - (high.y - low.y)) / 2;
    const inside =
      at.x >= low.x - slackX && at.x <= high.x + slackX && at.y >= low.y - slackY && at.y <= high.y + slackY;
    const area = (box.x2 - box.x1) * (box.y2 - box.y1);
    if (inside && area <= least) {
      least = area;
      found = number;
    }
  });
  return found;
}

/** Where the handles of a box are on the screen. Of a box that is small there only its corners can be met. */
export function handlesOf(box: Corners, view: Viewport, image: Size): ReadonlyArray<readonly [Handle, Point]> {
  const low = toScreen(view, image, { x: box.x1, y: box.y1 });
  const high = toScreen(view, image, { x: box.x2, y: box.y2 });
  const middle = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 };
  const corners: ReadonlyArray<readonly [Handle, Point]> = [
    ["nw", low],
    ["ne", { x: high.x, y: low.y }],
    ["se", high],
    ["sw", { x: low.x, y: high.y }],
  ];
  if (isSmall(box, view, image)) return corners;
  return [
    ...corners,
    ["n", { x: middle.x, y: low.y }],
    ["e", { x: high.x, y: middle.y }],
    ["s", { x: middle.x, y: high.y }],
    ["w", { x: low.x, y: middle.y }],
  ];
}

/** Whether handles at all its sides would lie on each other, and hide what is in it. */
export function isSmall(box: Corners, view: Viewport, image: Size): boolean {
  const wide = (box.x2 - box.x1) * image.width * view.scale;
  const high = (box.y2 - box.y1) * image.height * view.scale;
  return Math.min(wide, high) < 4 * REACH;
}

/** The handle of a box under the pointer. */
export function handleAt(box: Corners, view: Viewport, image: Size, at: Point): Handle | null {
  for (const [handle, place] of handlesOf(box, view, image)) {
    if (Math.abs(place.x - at.x) <= REACH && Math.abs(place.y - at.y) <= REACH) return handle;
  }
  return null;
}
