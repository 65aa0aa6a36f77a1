/**
 * Which parts of the canvas a change touches. A verdict changes one box or two: of an image with thousands of them only
 * what is around these is drawn anew.
 */

import { MOST_LABELS, type Scene } from "./scene";
import { type Corners, type Viewport, onScreen } from "./viewport";

export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** More changes than so are drawn with everything else. */
const MOST = 16;
/** CSS pixels around a box that its line and handles take. */
const AROUND = 8;

/** The parts in which two scenes differ, at one view; null: all must be drawn. `seen` boxes were on the screen. */
export function damaged(before: Scene, after: Scene, seen: number, view: Viewport, ratio: number): Part[] | null {
  const same =
    before.picture === after.picture &&
    before.image.width === after.image.width &&
    before.image.height === after.image.height &&
    before.hidden === after.hidden &&
    before.draft === null &&
    after.draft === null &&
    before.boxes.length === after.boxes.length;
  // Labels reach beyond their boxes; where there are any, all is drawn soon enough.
  if (!same || after.hidden || seen <= MOST_LABELS + MOST) return null;
  const numbers = new Set<number>();
  if (before.chosen !== after.chosen) {
    for (const number of [before.chosen, after.chosen]) if (number !== null) numbers.add(number);
  }
  for (let number = 0; number < after.boxes.length; number++) {
    const [one, other] = [before.boxes[number]!, after.boxes[number]!];
    if (one.state !== other.state || one.corners !== other.corners) numbers.add(number);
    if (numbers.size > MOST) return null;
  }
  const parts: Part[] = [];
  for (const number of numbers) {
    for (const corners of new Set([before.boxes[number]?.corners, after.boxes[number]?.corners])) {
      if (corners !== undefined) parts.push(partOf(corners, view, after, ratio));
    }
  }
  return parts;
}

/** Whole pixels of the screen: half of one would be mixed with what was there. */
function partOf(corners: Corners, view: Viewport, scene: Scene, ratio: number): Part {
  const [x, y, width, height] = onScreen(corners, view, scene.image);
  const low = (at: number) => Math.floor((at - AROUND) * ratio) / ratio;
  const high = (at: number) => Math.ceil((at + AROUND) * ratio) / ratio;
  return { x: low(x), y: low(y), width: high(x + width) - low(x), height: high(y + height) - low(y) };
}

/** Whether any of a box may be in one of the parts. */
export function touches(parts: readonly Part[], corners: Corners, view: Viewport, scene: Scene): boolean {
  const [x, y, width, height] = onScreen(corners, view, scene.image);
  return parts.some(
    (part) =>
      x - AROUND < part.x + part.width &&
      x + width + AROUND > part.x &&
      y - AROUND < part.y + part.height &&
      y + height + AROUND > part.y,
  );
}
