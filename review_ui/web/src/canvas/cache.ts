/**
 * What was drawn last, with some room around it, to be shifted and stretched while the view moves: a picture and
 * thousands of dashed boxes take longer to draw than a frame lasts. When the view stands still all is drawn anew, sharp.
 */

import { draw } from "./engine";
import type { Scene } from "./scene";
import type { Size, Viewport } from "./viewport";

/** Of a side of the screen, beyond each of its edges. */
const ROOM = 0.25;
/** Stretched or shrunk further than so, the view would be too coarse to find one's way. */
const MOST_STRETCH = 3;

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export class Cache {
  private readonly layer = document.createElement("canvas");
  private scene: Scene | null = null;
  private view: Viewport = { scale: 1, left: 0, top: 0 };
  private covers: Rectangle = { left: 0, top: 0, right: 0, bottom: 0 };

  /** Draw a scene that moves. `ground` is the colour beside the picture. */
  draw(context: CanvasRenderingContext2D, scene: Scene, view: Viewport, screen: Size, ratio: number, ground: string) {
    if (!this.holds(scene, view, screen)) this.fill(scene, view, screen, ratio, ground);
    const stretch = view.scale / this.view.scale;
    const { left, top, right, bottom } = this.covers;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = stretch !== 1;
    context.drawImage(
      this.layer,
      view.left + (left - this.view.left) * stretch,
      view.top + (top - this.view.top) * stretch,
      (right - left) * stretch,
      (bottom - top) * stretch,
    );
  }

  private holds(scene: Scene, view: Viewport, screen: Size): boolean {
    const known = this.scene;
    if (known === null) return false;
    const same =
      known.picture === scene.picture &&
      known.boxes === scene.boxes &&
      known.chosen === scene.chosen &&
      known.hidden === scene.hidden &&
      known.image === scene.image;
    return same && reaches(this.covers, this.view, view, scene.image, screen);
  }

  private fill(scene: Scene, view: Viewport, screen: Size, ratio: number, ground: string): void {
    const [wide, high] = [Math.round(screen.width * ROOM), Math.round(screen.height * ROOM)];
    const size = { width: screen.width + 2 * wide, height: screen.height + 2 * high };
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (this.layer.width !== width || this.layer.height !== height) {
      this.layer.width = width;
      this.layer.height = height;
    }
    const context = this.layer.getContext("2d", { alpha: false })!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);
    draw(context, scene, { ...view, left: view.left + wide, top: view.top + high }, size, ratio);
    this.scene = scene;
    this.view = view;
    this.covers = { left: -wide, top: -high, right: screen.width + wide, bottom: screen.height + high };
  }
}

/** Whether what `covers` shows, drawn at one view, has all of the image that another view shows on the screen. */
export function reaches(covers: Rectangle, drawnAt: Viewport, view: Viewport, image: Size, screen: Size): boolean {
  const stretch = view.scale / drawnAt.scale;
  if (stretch > MOST_STRETCH || stretch < 1 / MOST_STRETCH) return false;
  const slack = 0.5;
  const side = (low: number, length: number, room: number) =>
    [Math.max(0, low), Math.min(room, low + length * view.scale)] as const;
  const [left, right] = side(view.left, image.width, screen.width);
  const [top, bottom] = side(view.top, image.height, screen.height);
  return (
    left >= view.left + (covers.left - drawnAt.left) * stretch - slack &&
    right <= view.left + (covers.right - drawnAt.left) * stretch + slack &&
    top >= view.top + (covers.top - drawnAt.top) * stretch - slack &&
    bottom <= view.top + (covers.bottom - drawnAt.top) * stretch + slack
  );
}
