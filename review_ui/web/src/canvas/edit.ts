/** Boxes that are drawn, moved and resized: always within the image, never turned inside out. */

import type { Handle } from "./hit";
import type { Corners, Point, Size } from "./viewport";

/** The least side of a box, in pixels of the image. */
export const LEAST_PIXELS = 2;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** A box between two places of the image; null while it is too small to be meant. */
export function drawn(from: Point, to: Point, image: Size): Corners | null {
  const x = [clamp(from.x, 0, 1), clamp(to.x, 0, 1)].sort((a, b) => a - b) as [number, number];
  const y = [clamp(from.y, 0, 1), clamp(to.y, 0, 1)].sort((a, b) => a - b) as [number, number];
  const small = (x[1] - x[0]) * image.width < LEAST_PIXELS || (y[1] - y[0]) * image.height < LEAST_PIXELS;
  return small ? null : { x1: x[0], y1: y[0], x2: x[1], y2: y[1] };
}

/** Moved, in [0, 1] of the image; it stops at the edge and keeps its size. */
export function moved(box: Corners, dx: number, dy: number): Corners {
  const x = clamp(dx, -box.x1, 1 - box.x2);
  const y = clamp(dy, -box.y1, 1 - box.y2);
  return { x1: box.x1 + x, y1: box.y1 + y, x2: box.x2 + x, y2: box.y2 + y };
}

/** With a handle at another place; a side that is drawn over the other one takes its place. */
export function resized(box: Corners, handle: Handle, to: Point, image: Size): Corners {
  const at = { x: clamp(to.x, 0, 1), y: clamp(to.y, 0, 1) };
  let [x1, x2] = [handle.includes("w") ? at.x : box.x1, handle.includes("e") ? at.x : box.x2];
  let [y1, y2] = [handle.includes("n") ? at.y : box.y1, handle.includes("s") ? at.y : box.y2];
  if (x1 > x2) [x1, x2] = [x2, x1];
  if (y1 > y2) [y1, y2] = [y2, y1];
  const least = { x: LEAST_PIXELS / image.width, y: LEAST_PIXELS / image.height };
  if (x2 - x1 < least.x) [x1, x2] = stretched(x1, least.x);
  if (y2 - y1 < least.y) [y1, y2] = stretched(y1, least.y);
  return { x1, y1, x2, y2 };
}

function stretched(from: number, least: number): [number, number] {
  const begin = Math.min(from, 1 - least);
  return [begin, begin + least];
}

/** Whether two boxes are the same to half a hundredth of a pixel. */
export function isSame(one: Corners, other: Corners, image: Size): boolean {
  const near = (a: number, b: number, side: number) => Math.abs(a - b) * side < 0.005;
  return (
    near(one.x1, other.x1, image.width) &&
    near(one.x2, other.x2, image.width) &&
    near(one.y1, other.y1, image.height) &&
    near(one.y2, other.y2, image.height)
  );
}
