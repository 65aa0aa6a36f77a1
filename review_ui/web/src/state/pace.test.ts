import { expect, test } from "vitest";
import { PAUSE_MS, Pace } from "./pace";

test("pace is of the time in which boxes are decided", () => {
  const pace = new Pace();
  let now = 0;
  const decide = (count: number, gap: number) => {
    for (let number = 0; number < count; number++) pace.decided((now += gap));
  };
  decide(3, 500);
  expect(pace.aMinute).toBeNull();
  decide(10, 500);
  expect(pace.aMinute).toBe(120);
  now += 10 * PAUSE_MS;
  decide(10, 500);
  expect(pace.aMinute).toBe(120);
  decide(100, 250);
  expect(pace.aMinute).toBe(240);
});
