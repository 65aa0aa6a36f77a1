import { expect, test } from "vitest";
import { outdated } from "./stream";

const news = (reviewer: string) => ({
  kind: "event" as const,
  project: "p",
  bucket: "b",
  subject: { image_id: "i", reviewer },
});

test("what others say makes the image and the counts old", () => {
  expect(outdated(news("Grace"), "Ada")).toEqual([
    ["image", "p", "b", "i"],
    ["project", "p"],
  ]);
});

test("what one has said oneself, and who looks at what, makes nothing old", () => {
  expect(outdated(news("Ada"), "Ada")).toEqual([]);
  expect(outdated({ kind: "lease", project: "p" }, "Ada")).toEqual([]);
});
