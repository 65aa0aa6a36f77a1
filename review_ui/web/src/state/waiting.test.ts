import { expect, test } from "vitest";
import type { ImageAnswer, Operation } from "../api/types";
import { saidBy, sayAgain } from "../routes/conflicts";
import { BOX as FOUND, CORNERS } from "./samples";
import { withWaiting } from "./waiting";

const BOX = { ...FOUND, version: 2 };
const IMAGE: ImageAnswer = {
  image_id: "i",
  bucket: "x",
  title: "t",
  url: null,
  width: 10,
  height: 10,
  version: 1,
  decision: "none",
  note: null,
  holder: null,
  boxes: [BOX],
};
const about = { op_id: "1", bucket: "x", image_id: "i", reviewer: "Ada" };
const verdict = (base: number, more: object = {}): Operation => ({
  ...about,
  kind: "verdict",
  box_id: "b",
  base_version: base,
  value: "approved",
  ...more,
});

test("what waits is laid over what the server told", () => {
  const now = withWaiting(IMAGE, [
    verdict(2),
    verdict(3, { value: "rejected" }),
    { ...about, kind: "image_verdict", base_version: 1, value: "approved" },
  ]);
  expect([now.boxes[0]!.decision, now.boxes[0]!.version, now.decision, now.version]).toEqual([
    "rejected",
    4,
    "approved",
    2,
  ]);
});

test("what the server has taken already, and what is of another image, changes nothing", () => {
  expect(withWaiting(IMAGE, [verdict(1), verdict(2, { image_id: "j" })])).toEqual(IMAGE);
});

test("a box that waits to be added is there once", () => {
  const add: Operation = {
    ...about,
    kind: "add",
    box_id: "n",
    base_version: 0,
    value: { class_name: "car", corners: CORNERS },
  };
  const once = withWaiting(IMAGE, [add]);
  expect(once.boxes.map((box) => box.box_id)).toEqual(["b", "n"]);
  expect(withWaiting(once, [add]).boxes.length).toBe(2);
});

test("what is said again is based on what is there now, and is an operation of its own", () => {
  const again = sayAgain({
    project: "p",
    op: verdict(2),
    outcome: { op_id: "1", status: 409, version: 5, current: null },
  });
  expect([again.base_version, again.kind, again.op_id === "1"]).toEqual([5, "verdict", false]);
  expect(saidBy(again)).toBe("approved");
});
