import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Asking } from "./asking";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("one question is out at a time, and its answer tells how long it took", async () => {
  let out = 0;
  let most = 0;
  const took: number[] = [];
  const asking = new Asking(
    async () => {
      most = Math.max(most, ++out);
      await later(40);
      out--;
      return "yes";
    },
    { heard: (_, ms) => took.push(ms), failed: () => undefined },
    Date.now,
  );
  void asking.go();
  await vi.advanceTimersByTimeAsync(200);
  asking.end();
  expect([most, took]).toEqual([1, [40, 40, 40, 40, 40]]);
});

test("without an answer it waits longer each time, and at once is quick again after one", async () => {
  let there = false;
  const pauses: number[] = [];
  const heard: string[] = [];
  const asking = new Asking(
    async () => {
      if (!there) throw new Error("away");
      await later(10);
      return "yes";
    },
    { heard: (answer) => heard.push(answer), failed: (_, pause) => pauses.push(pause) },
  );
  void asking.go();
  await vi.advanceTimersByTimeAsync(59_000);
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  there = true;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(heard.length).toBeGreaterThan(1);
  there = false;
  await vi.advanceTimersByTimeAsync(20);
  expect(pauses.at(-1)).toBe(1000);
  asking.end();
});

test("after the end nothing is heard, and nothing is asked", async () => {
  let asked = 0;
  const heard: string[] = [];
  const asking = new Asking(
    async (signal) => {
      asked++;
      await later(50);
      expect(signal.aborted).toBe(true);
      return "late";
    },
    { heard: (answer) => heard.push(answer), failed: () => heard.push("failed") },
  );
  const gone = asking.go();
  await vi.advanceTimersByTimeAsync(10);
  asking.end();
  await vi.advanceTimersByTimeAsync(1000);
  await gone;
  expect([asked, heard]).toEqual([1, []]);
});
