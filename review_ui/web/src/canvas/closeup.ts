/** The chosen box, large: which part of the picture is shown beside the canvas, and where the box is in it. */

import type { Corners, Size } from "./viewport";

/** So much of what is around a box is shown with it, as a share of its longer side. */
const AROUND = 0.35;
/** At least so many pixels of the picture: larger than that nothing more is to be seen. */
const LEAST = 24;

export interface Closeup {
  /** Left, top, width and height in the picture, in its pixels. */
  readonly source: readonly [number, number, number, number];
  /** The box, in CSS pixels of the closeup. */
  readonly box: readonly [number, number, number, number];
}

/** The part of a picture around a box, in the shape of the screen it is shown on; it may reach beyond the picture. */
export function closeup(box: Corners, picture: Size, screen: Size): Closeup {
  const [width, height] = [(box.x2 - box.x1) * picture.width, (box.y2 - box.y1) * picture.height];
  const margin = 2 * AROUND * Math.max(width, height);
  const scale = Math.min(
    screen.width / Math.max(width + margin, LEAST),
    screen.height / Math.max(height + margin, LEAST),
  );
  const [wide, high] = [screen.width / scale, screen.height / scale];
  const left = ((box.x1 + box.x2) / 2) * picture.width - wide / 2;
  const top = ((box.y1 + box.y2) / 2) * picture.height - high / 2;
  const at = [(box.x1 * picture.width - left) * scale, (box.y1 * picture.height - top) * scale] as const;
  return { source: [left, top, wide, high], box: [...at, width * scale, height * scale] };
}
