/**
 * What part of an image is on the screen. Boxes are in [0, 1] of the upright image, `Point`s of the screen in CSS pixels;
 * `scale` is CSS pixels a pixel of the image.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Corners {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

export interface Viewport {
  readonly scale: number;
  /** Where the image's upper left corner is on the screen. */
  readonly left: number;
  readonly top: number;
}

export const MOST_SCALE = 32;
const MARGIN = 0.96;

/** The whole image, in the middle. */
export function fit(image: Size, screen: Size): Viewport {
  const scale = Math.min(screen.width / image.width, screen.height / image.height) * MARGIN;
  return centred(image, screen, scale);
}

/** The image's middle in the middle, at a scale. */
export function centred(image: Size, screen: Size, scale: number): Viewport {
  return {
    scale,
    left: (screen.width - image.width * scale) / 2,
    top: (screen.height - image.height * scale) / 2,
  };
}

/** Larger or smaller by a factor; what is under `at` stays under it. */
export function zoomed(view: Viewport, factor: number, at: Point, image: Size, screen: Size): Viewport {
  const least = Math.min(fit(image, screen).scale, 1) / 2;
  const scale = Math.min(Math.max(view.scale * factor, least), MOST_SCALE);
  const ratio = scale / view.scale;
  return { scale, left: at.x - (at.x - view.left) * ratio, top: at.y - (at.y - view.top) * ratio };
}

/** Moved by so many pixels; some of the image stays on the screen. */
export function panned(view: Viewport, dx: number, dy: number, image: Size, screen: Size): Viewport {
  const keep = 40;
  const clamp = (value: number, side: number, room: number) =>
    Math.min(Math.max(value, keep - side * view.scale), room - keep);
  return {
    scale: view.scale,
    left: clamp(view.left + dx, image.width, screen.width),
    top: clamp(view.top + dy, image.height, screen.height),
  };
}

/** Where a place of the image, in [0, 1], is on the screen. */
export function toScreen(view: Viewport, image: Size, place: Point): Point {
  return { x: view.left + place.x * image.width * view.scale, y: view.top + place.y * image.height * view.scale };
}

/** Which place of the image, in [0, 1] where it is inside, is there on the screen. */
export function toImage(view: Viewport, image: Size, at: Point): Point {
  return { x: (at.x - view.left) / (image.width * view.scale), y: (at.y - view.top) / (image.height * view.scale) };
}

/** Left, top, width and height of a box on the screen. */
export function onScreen(box: Corners, view: Viewport, image: Size): readonly [number, number, number, number] {
  const low = toScreen(view, image, { x: box.x1, y: box.y1 });
  const high = toScreen(view, image, { x: box.x2, y: box.y2 });
  return [low.x, low.y, high.x - low.x, high.y - low.y];
}

/** Whether any of a box is on the screen. */
export function isVisible(view: Viewport, image: Size, screen: Size, box: Corners): boolean {
  const [left, top, width, height] = onScreen(box, view, image);
  return left + width >= 0 && top + height >= 0 && left <= screen.width && top <= screen.height;
}
