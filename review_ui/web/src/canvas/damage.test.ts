import { expect, test } from "vitest";
import { reaches } from "./cache";
import { damaged, touches } from "./damage";
import type { DrawnBox, Scene } from "./scene";

const IMAGE = { width: 1000, height: 1000 };
const SCREEN = { width: 500, height: 500 };
const VIEW = { scale: 0.5, left: 0, top: 0 };
const MANY = 1000;
const boxes: DrawnBox[] = Array.from({ length: MANY }, (_, number) => ({
  corners: { x1: (number % 100) / 200, y1: 0.1, x2: (number % 100) / 200 + 0.1, y2: 0.2 },
  state: "open",
  label: "car",
}));
const scene: Scene = { image: IMAGE, picture: null, boxes, chosen: 0, hidden: false, draft: null, moving: false };
const decided = (number: number) =>
  boxes.map((box, at) => (at === number ? { ...box, state: "approved" as const } : box));

test("a verdict touches its box and the one that is chosen next", () => {
  const parts = damaged(scene, { ...scene, image: { ...IMAGE }, boxes: decided(0), chosen: 50 }, MANY, VIEW, 1);
  expect(parts).toEqual([
    { x: -8, y: 42, width: 66, height: 66 },
    { x: 117, y: 42, width: 66, height: 66 },
  ]);
  expect(touches(parts!, boxes[0]!.corners, VIEW, scene)).toBe(true);
  expect(touches(parts!, { x1: 0.5, y1: 0.5, x2: 0.6, y2: 0.6 }, VIEW, scene)).toBe(false);
});

test("parts are whole pixels of the screen", () => {
  const [part] = damaged(scene, { ...scene, boxes: decided(1) }, MANY, { scale: 0.333, left: 0.3, top: 0.7 }, 2)!;
  for (const at of [part!.x, part!.y, part!.width, part!.height]) expect(at * 2).toBe(Math.round(at * 2));
});

test("all is drawn where the picture, the number of boxes or the labels change", () => {
  expect(damaged(scene, { ...scene, picture: {} as CanvasImageSource }, MANY, VIEW, 1)).toBeNull();
  expect(damaged(scene, { ...scene, boxes: boxes.slice(1) }, MANY, VIEW, 1)).toBeNull();
  expect(damaged(scene, { ...scene, boxes: decided(0) }, 400, VIEW, 1)).toBeNull();
  expect(damaged(scene, { ...scene, hidden: true }, MANY, VIEW, 1)).toBeNull();
  const all = boxes.map((box) => ({ ...box, state: "approved" as const }));
  expect(damaged(scene, { ...scene, boxes: all }, MANY, VIEW, 1)).toBeNull();
});

test("what was drawn is used while it has what the screen shows", () => {
  const covers = { left: -125, top: -125, right: 625, bottom: 625 };
  const large = { scale: 2, left: -750, top: -750 };
  const reached = (drawnAt: typeof VIEW, view: typeof VIEW) => reaches(covers, drawnAt, view, IMAGE, SCREEN);
  expect(reached(large, { ...large, left: -650 })).toBe(true);
  expect(reached(large, { ...large, left: -600 })).toBe(false);
  // Beside the image there is nothing to be drawn.
  expect(reached(VIEW, { ...VIEW, left: 300, top: -200 })).toBe(true);
  expect(reached(VIEW, { scale: 1.4, left: -200, top: -200 })).toBe(true);
  expect(reached(VIEW, { scale: 1.6, left: -200, top: -200 })).toBe(false);
});
