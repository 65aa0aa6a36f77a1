import { afterEach, expect, test, vi } from "vitest";
import { USUAL, actionOf, keymapOf } from "./keymap";
import { chordsOf, keepKeys, keptKeys, withKey } from "./own";
import { SAID, keyName } from "./said";
import { press } from "./samples";

function storage(text: string | null) {
  let kept = text;
  vi.stubGlobal("localStorage", { getItem: () => kept, setItem: (_: string, value: string) => void (kept = value) });
}
afterEach(() => void vi.unstubAllGlobals());

test("a key given to another action is taken from the one that had it", () => {
  storage(null);
  keepKeys(withKey(keptKeys(), "approve", "x"));
  const keys = keptKeys();
  expect([chordsOf(keys, "approve"), chordsOf(keys, "reject")]).toEqual([["x"], ["n"]]);
  const map = keymapOf(keys.changed);
  expect([actionOf(press("x"), map), actionOf(press("n"), map), actionOf(press("a"), map)]).toEqual([
    "approve",
    "reject",
    null,
  ]);
});

test.each(["{", "7", '"x"', '{"changed": {"approve": "a", "reject": [1]}}', '{"off": "yes"}'])(
  "what is kept as %s counts for nothing",
  (text) => {
    storage(text);
    expect(keptKeys()).toEqual({ off: false, changed: {} });
  },
);

test("keys are called as they stand on the keyboard", () => {
  expect(["a", "ctrl+shift+z", "arrowleft", "space", "+", "-", "ctrl++", "/"].map(keyName)).toEqual([
    "A",
    "Ctrl+Shift+Z",
    "←",
    "Space",
    "+",
    "−",
    "Ctrl++",
    "/",
  ]);
});

test("every action is said in words", () => {
  expect(new Set(SAID.map(([action]) => action))).toEqual(
    new Set(USUAL.map(([action]) => action).filter((action) => !action.startsWith("class"))),
  );
});
