import { expect, test } from "vitest";
import { closeup } from "./closeup";

const PICTURE = { width: 1000, height: 500 };
const SCREEN = { width: 250, height: 150 };

test("a box is in the middle, in its own shape, with what is around it", () => {
  const { source, box } = closeup({ x1: 0.4, y1: 0.4, x2: 0.5, y2: 0.8 }, PICTURE, SCREEN);
  const scale = SCREEN.height / source[3];
  expect(source[2] / source[3]).toBeCloseTo(SCREEN.width / SCREEN.height);
  expect([box[0] + box[2] / 2, box[1] + box[3] / 2]).toEqual([expect.closeTo(125), expect.closeTo(75)]);
  expect([box[2], box[3]]).toEqual([expect.closeTo(100 * scale), expect.closeTo(200 * scale)]);
  expect(source[3]).toBeCloseTo(200 + 2 * 0.35 * 200);
});

test("a box of some pixels is not blown up for ever", () => {
  const { source } = closeup({ x1: 0, y1: 0, x2: 0.002, y2: 0.004 }, PICTURE, SCREEN);
  expect(Math.min(source[2], source[3])).toBeCloseTo(24);
});
