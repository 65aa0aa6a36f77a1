import { expect, test } from "vitest";
import type { ProjectSummary } from "../api/types";
import { atTheEnd } from "./buckets";

const bucket = (name: string, boxes: number, decided: number) => ({ bucket: name, ready: true, boxes, decided });
const project = (...buckets: ReturnType<typeof bucket>[]) => ({ name: "dogs", buckets }) as unknown as ProjectSummary;

test("at the end of a queue it is said what is left", () => {
  expect(atTheEnd(project(bucket("a", 9, 4)), "a")).toContain("5 boxes of a are undecided");
  expect(atTheEnd(project(bucket("a", 9, 9), bucket("b", 3, 1)), "a")).toContain("Next: b, with 2 undecided");
  expect(atTheEnd(project(bucket("a", 9, 9), bucket("b", 0, 0)), "a")).toContain("`dlf pipeline --project dogs`");
});
