import { expect, test } from "vitest";
import { withChosen } from "./boxes";

const range = { startIndex: 10, endIndex: 12, overscan: 1, count: 5000 };

test("the chosen box is in the page wherever the list is scrolled to", () => {
  expect(withChosen(range, null)).toEqual([9, 10, 11, 12, 13]);
  expect(withChosen(range, 11)).toEqual([9, 10, 11, 12, 13]);
  expect(withChosen(range, 4000)).toEqual([9, 10, 11, 12, 13, 4000]);
  expect(withChosen(range, 0)).toEqual([0, 9, 10, 11, 12, 13]);
});

test("a box that is gone from the list is not asked for", () => {
  expect(withChosen({ ...range, count: 14 }, 14)).toEqual([9, 10, 11, 12, 13]);
});
