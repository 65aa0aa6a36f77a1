import { describe, expect, test } from "vitest";
import { drawn, isSame, moved, resized } from "./edit";
import { boxAt, handleAt } from "./hit";
import { fit, isVisible, panned, toImage, toScreen, zoomed } from "./viewport";

const IMAGE = { width: 640, height: 480 };
const SCREEN = { width: 1000, height: 700 };
const BOX = { x1: 0.25, y1: 0.25, x2: 0.75, y2: 0.5 };

describe("viewport", () => {
  test("fits the whole image into the middle", () => {
    const view = fit(IMAGE, SCREEN);
    const low = toScreen(view, IMAGE, { x: 0, y: 0 });
    const high = toScreen(view, IMAGE, { x: 1, y: 1 });
    expect(low.x + high.x).toBeCloseTo(SCREEN.width);
    expect(low.y + high.y).toBeCloseTo(SCREEN.height);
    expect(Math.min(low.x, low.y)).toBeGreaterThan(0);
  });

  test.each([0.5, 1.1, 3, 100, 0.0001])("what is under the pointer stays under it, zooming by %f", (factor) => {
    const view = fit(IMAGE, SCREEN);
    const at = { x: 321, y: 123 };
    const before = toImage(view, IMAGE, at);
    const after = toImage(zoomed(view, factor, at, IMAGE, SCREEN), IMAGE, at);
    expect(after.x).toBeCloseTo(before.x, 9);
    expect(after.y).toBeCloseTo(before.y, 9);
  });

  test("there and back again", () => {
    const view = zoomed(fit(IMAGE, SCREEN), 3.7, { x: 10, y: 650 }, IMAGE, SCREEN);
    const place = toImage(view, IMAGE, toScreen(view, IMAGE, { x: 0.3, y: 0.9 }));
    expect(place.x).toBeCloseTo(0.3, 12);
    expect(place.y).toBeCloseTo(0.9, 12);
  });

  test("some of the image stays on the screen however far one pans", () => {
    for (const far of [-1e6, 1e6]) {
      expect(
        isVisible(panned(fit(IMAGE, SCREEN), far, far, IMAGE, SCREEN), IMAGE, SCREEN, { x1: 0, y1: 0, x2: 1, y2: 1 }),
      ).toBe(true);
    }
  });
});

describe("hit", () => {
  const view = { scale: 1, left: 0, top: 0 };

  test("the smallest box under the pointer is met", () => {
    const boxes = [BOX, { x1: 0.4, y1: 0.3, x2: 0.5, y2: 0.4 }, { x1: 0, y1: 0, x2: 1, y2: 1 }];
    expect(boxAt(boxes, view, IMAGE, { x: 288, y: 168 })).toBe(1);
    expect(boxAt(boxes, view, IMAGE, { x: 200, y: 130 })).toBe(0);
    expect(boxAt(boxes, view, IMAGE, { x: 5, y: 5 })).toBe(2);
    expect(boxAt(boxes.slice(0, 2), view, IMAGE, { x: 5, y: 5 })).toBeNull();
  });

  test("of two alike the one on top is met, and a thin one within reach", () => {
    expect(boxAt([BOX, BOX], view, IMAGE, { x: 288, y: 168 })).toBe(1);
    const thin = { x1: 0.5, y1: 0.2, x2: 0.5005, y2: 0.8 };
    expect(boxAt([thin], view, IMAGE, { x: 323, y: 200 })).toBe(0);
    expect(boxAt([thin], view, IMAGE, { x: 330, y: 200 })).toBeNull();
  });

  test("handles are met at corners and sides, of a small box at its corners only", () => {
    expect(handleAt(BOX, view, IMAGE, { x: 160, y: 120 })).toBe("nw");
    expect(handleAt(BOX, view, IMAGE, { x: 480, y: 180 })).toBe("e");
    expect(handleAt(BOX, view, IMAGE, { x: 320, y: 180 })).toBeNull();
    const small = { x1: 0.5, y1: 0.5, x2: 0.52, y2: 0.52 };
    expect(handleAt(small, view, IMAGE, { x: 332.8, y: 249.6 })).toBe("se");
    expect(handleAt(small, view, IMAGE, { x: 326, y: 231 })).toBeNull();
  });
});

describe("edit", () => {
  test("a box is drawn from any corner, within the image", () => {
    const box = { x1: 0.2, y1: 0, x2: 0.6, y2: 0.5 };
    expect(drawn({ x: 0.6, y: 0.5 }, { x: 0.2, y: -3 }, IMAGE)).toEqual(box);
    expect(drawn({ x: 0.2, y: -3 }, { x: 0.6, y: 0.5 }, IMAGE)).toEqual(box);
    expect(drawn({ x: 0.2, y: 0.2 }, { x: 0.201, y: 0.5 }, IMAGE)).toBeNull();
  });

  test("a moved box keeps its size and stops at the edge", () => {
    const at = moved(BOX, 5, -5);
    expect([at.x1, at.y1, at.x2, at.y2]).toEqual([0.5, 0, 1, 0.25]);
  });

  test("a side drawn over the other one takes its place", () => {
    expect(resized(BOX, "w", { x: 0.9, y: 0 }, IMAGE)).toEqual({ ...BOX, x1: 0.75, x2: 0.9 });
    expect(resized(BOX, "se", { x: 0.1, y: 0.1 }, IMAGE)).toEqual({ x1: 0.1, y1: 0.1, x2: 0.25, y2: 0.25 });
    expect(resized(BOX, "n", { x: 0, y: -9 }, IMAGE)).toEqual({ ...BOX, y1: 0 });
  });

  test("a box is never thinner than two pixels, also at the edge", () => {
    const thin = resized({ ...BOX, x2: 1 }, "w", { x: 1, y: 0 }, IMAGE);
    expect((thin.x2 - thin.x1) * IMAGE.width).toBeCloseTo(2);
    expect(thin.x2).toBeLessThanOrEqual(1);
  });

  test("sameness is of pixels", () => {
    expect(isSame(BOX, { ...BOX, x1: BOX.x1 + 0.004 / 640 }, IMAGE)).toBe(true);
    expect(isSame(BOX, { ...BOX, x1: BOX.x1 + 0.02 / 640 }, IMAGE)).toBe(false);
  });
});
