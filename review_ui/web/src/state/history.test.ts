import { expect, test } from "vitest";
import type { BoxAnswer, ImageAnswer } from "../api/types";
import { BOX, CORNERS } from "./samples";
import { changedImage } from "./changed";
import { type Change, History, type Step, inverse, operationsOf } from "./history";

const MOVED = { ...CORNERS, x2: 0.5 };
const CHANGES: Change[] = [
  { kind: "verdict", boxId: "b", before: "none", after: "approved" },
  { kind: "geometry", boxId: "b", before: null, after: MOVED },
  { kind: "class", boxId: "b", before: null, after: "bus" },
  { kind: "add", boxId: "n", className: "car", corners: CORNERS },
  { kind: "delete", boxId: "b", before: false, after: true },
  { kind: "note", boxId: "b", before: "", after: "dark" },
];
const step = (...changes: Change[]): Step => ({ bucket: "x", imageId: "i", changes });
const plain = (boxes: BoxAnswer[]) =>
  boxes.filter((box) => !(box.deleted && box.drawn_by)).map(({ version: _, reviewer: __, ...rest }) => rest);

test("undoing all gives what was there before, and redoing all what was there after", () => {
  const history = new History();
  let boxes = [BOX];
  const apply = (one: Step | null) => {
    const said = one!.changes.map((change) => ({ change, reviewer: "Ada" }));
    boxes = changedImage({ boxes } as unknown as ImageAnswer, said).boxes;
  };
  for (const change of CHANGES) {
    const one = step(change);
    apply(one);
    history.push(one);
  }
  const after = plain(boxes);
  for (let back = history.undo(); back !== null; back = history.undo()) apply(back);
  expect(plain(boxes)).toEqual(plain([BOX]));
  for (let again = history.redo(); again !== null; again = history.redo()) apply(again);
  expect(plain(boxes)).toEqual(after);
});

test("a step of many changes is one step, taken back from its end", () => {
  const history = new History();
  history.push(step(...CHANGES));
  expect(history.undo()!.changes.map((change) => change.kind)).toEqual([
    "note",
    "delete",
    "delete",
    "class",
    "geometry",
    "verdict",
  ]);
  expect(history.undo()).toBeNull();
});

test("a new step ends what could be done again", () => {
  const history = new History();
  history.push(step(CHANGES[0]!));
  history.undo();
  history.push(step(CHANGES[1]!));
  expect(history.redo()).toBeNull();
});

test("taking back twice is the change itself", () => {
  for (const change of CHANGES.filter((one) => one.kind !== "add")) expect(inverse(inverse(change))).toEqual(change);
});

test("operations of a step build on one another", () => {
  let number = 0;
  const said = operationsOf(
    step(CHANGES[0]!, CHANGES[1]!, { kind: "image_verdict", before: "none", after: "approved" }, CHANGES[5]!),
    new Map([["b", 4]]),
    "Ada",
    () => `${++number}`,
  );
  expect(said.map((op) => [op.op_id, op.kind, op.base_version])).toEqual([
    ["1", "verdict", 4],
    ["2", "geometry", 5],
    ["3", "image_verdict", 0],
    ["4", "note", 6],
  ]);
  expect(said.every((op) => op.bucket === "x" && op.image_id === "i" && op.reviewer === "Ada")).toBe(true);
});
