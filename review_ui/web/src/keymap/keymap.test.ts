import { expect, test } from "vitest";
import { USUAL, actionOf, chordOf, isTyping, keymapOf } from "./keymap";
import { press } from "./samples";

const MAP = keymapOf();

test.each([
  ["a", {}, "approve"],
  ["Y", {}, "approve"],
  ["A", { shiftKey: true }, "approveAll"],
  [" ", {}, "unsure"],
  ["?", { shiftKey: true }, "help"],
  ["+", { shiftKey: true }, "larger"],
  ["7", {}, "class7"],
  ["z", { ctrlKey: true }, "undo"],
  ["Z", { metaKey: true, shiftKey: true }, "redo"],
  ["z", {}, "actualSize"],
  ["ArrowLeft", {}, "previousImage"],
  ["ArrowLeft", { ctrlKey: true }, "nudgeLeft"],
  ["a", { ctrlKey: true }, null],
  ["c", { ctrlKey: true }, null],
  ["a", { altKey: true }, null],
  ["Tab", {}, null],
  ["0", {}, null],
  ["a", { isComposing: true }, null],
])("%s with %o is %s", (key, more, action) => {
  expect(actionOf(press(key, more), MAP)).toBe(action);
});

test("a key that is held decides once, and moves on", () => {
  expect(actionOf(press("a", { repeat: true }), MAP)).toBeNull();
  expect(actionOf(press("ArrowLeft", { ctrlKey: true, repeat: true }), MAP)).toBe("nudgeLeft");
});

test("who types is left alone", () => {
  for (const target of [
    { tagName: "INPUT" },
    { tagName: "input", type: "search" },
    { tagName: "TEXTAREA" },
    { tagName: "SELECT" },
    { tagName: "DIV", isContentEditable: true },
  ]) {
    expect(isTyping(target)).toBe(true);
    expect(actionOf(press("a", { target }), MAP)).toBeNull();
  }
  for (const target of [
    null,
    {},
    { tagName: "BUTTON" },
    { tagName: "INPUT", type: "checkbox" },
    { tagName: "CANVAS" },
  ]) {
    expect(isTyping(target)).toBe(false);
  }
});

test("keys may be given to other actions", () => {
  const map = keymapOf({ approve: ["enter"], reject: [] });
  expect(actionOf(press("Enter"), map)).toBe("approve");
  expect([actionOf(press("a"), map), actionOf(press("x"), map)]).toEqual([null, null]);
});

test("no key does two things", () => {
  const chords = USUAL.flatMap(([, some]) => some);
  expect(new Set(chords).size).toBe(chords.length);
  expect(chordOf(press("?", { shiftKey: true }))).toBe("?");
});
