import { expect, test } from "vitest";
import type { QueueItem, QueuePage } from "../api/types";
import { around, itemAt, placeIn } from "./queue";

const page = (offset: number, ...ids: string[]): QueuePage => ({
  cursor: "1",
  offset,
  total: 1000,
  boxes: 0,
  undecided: 0,
  items: ids.map((image_id) => ({ image_id }) as QueueItem),
});
const PAGES = [page(300, "c", "d"), page(0, "a", "b")];

test("images are found on whatever page they are", () => {
  expect(["a", "d", "x", null].map((id) => placeIn(PAGES, id))).toEqual([0, 301, -1, -1]);
  expect([1, 300, 2, 302, -1].map((place) => itemAt(PAGES, place)?.image_id)).toEqual([
    "b",
    "c",
    undefined,
    undefined,
    undefined,
  ]);
});

test("the pages around a place end where the queue does", () => {
  expect([around(-1, 1000), around(0, 50), around(99, 1000), around(950, 1000), around(0, 0)]).toEqual([
    [0, 1],
    [0],
    [0, 1],
    [8, 9],
    [],
  ]);
});
