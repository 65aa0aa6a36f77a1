/**
 * Puts a scene on the canvas at the least cost: only what has changed where the view stands still, what was drawn before
 * where it moves, and all of it otherwise.
 */

import { Cache } from "./cache";
import { type Part, damaged } from "./damage";
import { draw } from "./engine";
import type { Scene } from "./scene";
import type { Size, Viewport } from "./viewport";

interface Painted {
  readonly scene: Scene;
  readonly view: Viewport;
  readonly screen: Size;
  /** The colour beside the picture. */
  readonly ground: string;
  /** How many boxes were on the screen. */
  readonly seen: number;
}

export class Painter {
  private readonly context: CanvasRenderingContext2D;
  private readonly cache = new Cache();
  /** What is on the canvas, when it was drawn at rest. */
  private last: Painted | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext("2d", { alpha: false, desynchronized: true })!;
  }

  /** As large as the canvas is on the page, which empties it; its size in CSS pixels. */
  fitPage(): Size {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    this.last = null;
    return { width, height };
  }

  paint(scene: Scene, view: Viewport, screen: Size): void {
    const { canvas, context, last } = this;
    const ground = getComputedStyle(canvas).backgroundColor;
    const still = last !== null && last.view === view && last.screen === screen && last.ground === ground;
    const parts = still ? damaged(last.scene, scene, last.seen, view, devicePixelRatio) : null;
    this.last = null;
    if (parts !== null) {
      if (parts.length > 0) mend(context, scene, parts, view, screen, devicePixelRatio, ground);
      this.last = { ...last!, scene };
      return;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (scene.moving) this.cache.draw(context, scene, view, screen, devicePixelRatio, ground);
    else this.last = { scene, view, screen, ground, seen: draw(context, scene, view, screen, devicePixelRatio) };
  }
}

/** Draw parts of a scene anew, and leave the rest as it is. `ground` is the colour beside the picture. */
function mend(
  context: CanvasRenderingContext2D,
  scene: Scene,
  parts: readonly Part[],
  view: Viewport,
  screen: Size,
  ratio: number,
  ground: string,
): void {
  context.save();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.beginPath();
  for (const { x, y, width, height } of parts) context.rect(x, y, width, height);
  context.clip();
  context.fillStyle = ground;
  context.fillRect(0, 0, screen.width, screen.height);
  draw(context, scene, view, screen, ratio, parts);
  context.restore();
}
