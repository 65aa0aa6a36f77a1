/** Actions and keys in words, for people. */

import type { Action, Chord } from "./keymap";

/** What each action does. Classes go by their numbers and stand for themselves. */
export const SAID: ReadonlyArray<readonly [Exclude<Action, `class${number}`>, string]> = [
  ["approve", "the box is right; on to the next undecided one"],
  ["reject", "the box is wrong"],
  ["unsure", "cannot be told"],
  ["approveAll", "all undecided boxes are right; next image"],
  ["rejectAll", "all undecided boxes are wrong; next image"],
  ["previousBox", "the box before"],
  ["nextBox", "the next box"],
  ["previousImage", "the image before"],
  ["nextImage", "the next image"],
  ["draw", "draw a box with the pointer"],
  ["delete", "delete the box, or bring it back"],
  ["nudgeLeft", "move the box left by a pixel"],
  ["nudgeRight", "move it right"],
  ["nudgeUp", "move it up"],
  ["nudgeDown", "move it down"],
  ["undo", "undo"],
  ["redo", "redo"],
  ["fit", "the whole image"],
  ["actualSize", "actual size"],
  ["larger", "larger (also wheel and pinch)"],
  ["smaller", "smaller"],
  ["hide", "hold: hide the boxes"],
  ["filter", "to the filters of the grid"],
  ["help", "these lines"],
  ["escape", "end drawing; choose no box"],
];

const NAMES: Readonly<Record<string, string>> = {
  arrowup: "↑",
  arrowdown: "↓",
  arrowleft: "←",
  arrowright: "→",
  delete: "Del",
  escape: "Esc",
  "-": "−",
};

/** A chord as it stands on keys: `ctrl+shift+z` is Ctrl+Shift+Z. */
export function keyName(chord: Chord): string {
  // The key may be "+" itself.
  const words =
    chord === "+" || chord.endsWith("++") ? [...chord.slice(0, -1).split("+").filter(Boolean), "+"] : chord.split("+");
  return words.map((word) => NAMES[word] ?? word.charAt(0).toUpperCase() + word.slice(1)).join("+");
}
