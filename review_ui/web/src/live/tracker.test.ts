import { expect, test } from "vitest";
import { CORNERS } from "../state/samples";
import { LEAST_IOU, MOST_UNSEEN, type Seen, Tracker, iou } from "./tracker";

const at = (x: number, width = 0.2): Seen => ({
  corners: { x1: x, y1: 0.1, x2: x + width, y2: 0.3 },
  name: null,
  score: null,
  confident: null,
  reference: null,
});
const numbers = (tracks: readonly { number: number; unseen: number }[]) =>
  tracks.filter((track) => track.unseen === 0).map((track) => track.number);

test("overlap is of areas", () => {
  expect(iou(CORNERS, CORNERS)).toBe(1);
  expect(iou(at(0).corners, at(0.1).corners)).toBeCloseTo(1 / 3);
  expect(iou(at(0).corners, at(0.2).corners)).toBe(0);
});

test("a thing that moves keeps its number, in whatever order boxes come", () => {
  const tracker = new Tracker();
  expect(numbers(tracker.update([at(0), at(0.5)]))).toEqual([1, 2]);
  expect(numbers(tracker.update([at(0.55), at(0.05)]))).toEqual([1, 2]);
  const tracks = tracker.update([at(0.6), at(0.1)]);
  expect(tracks.map((track) => [track.number, track.corners.x1, track.frames])).toEqual([
    [1, 0.1, 3],
    [2, 0.6, 3],
  ]);
});

test("a jump to below the least overlap is another thing", () => {
  const far = 0.2 * ((1 - LEAST_IOU) / (1 + LEAST_IOU)); // two equal boxes so far apart overlap by just LEAST_IOU
  for (const [jump, expected] of [
    [far - 0.001, [1]],
    [far + 0.001, [2]],
  ] as const) {
    const tracker = new Tracker();
    tracker.update([at(0)]);
    expect(numbers(tracker.update([at(jump)]))).toEqual(expected);
  }
});

test("a thing that is hidden for five frames comes back as itself, after six it is new", () => {
  for (const [hidden, expected] of [
    [MOST_UNSEEN, 1],
    [MOST_UNSEEN + 1, 2],
  ] as const) {
    const tracker = new Tracker();
    tracker.update([at(0)]);
    for (let frame = 0; frame < hidden; frame++) tracker.update([]);
    expect(numbers(tracker.update([at(0)]))).toEqual([expected]);
  }
});

test("no two things have one number, and the best overlap goes first", () => {
  const tracker = new Tracker();
  tracker.update([at(0)]);
  expect(tracker.update([at(0.08), at(0.01)]).map((track) => [track.number, track.corners.x1])).toEqual([
    [1, 0.01],
    [2, 0.08],
  ]);
});
