/**
 * Which key does what. Keys may be given to other actions and switched off as a whole; while somebody types, and with
 * modifiers that are not ours, they belong to the browser.
 */

export type Action =
  | "approve"
  | "reject"
  | "unsure"
  | "approveAll"
  | "rejectAll"
  | "previousBox"
  | "nextBox"
  | "previousImage"
  | "nextImage"
  | "draw"
  | "delete"
  | "nudgeLeft"
  | "nudgeRight"
  | "nudgeUp"
  | "nudgeDown"
  | "undo"
  | "redo"
  | "fit"
  | "actualSize"
  | "larger"
  | "smaller"
  | "hide"
  | "filter"
  | "help"
  | "escape"
  | `class${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`;

/** As in `chordOf`: modifiers in this order, then the key. */
export type Chord = string;
export type Keymap = ReadonlyMap<Chord, Action>;

const CLASSES = ([1, 2, 3, 4, 5, 6, 7, 8, 9] as const).map((n) => [`class${n}`, [`${n}`]] as const);

export const USUAL: ReadonlyArray<readonly [Action, readonly Chord[]]> = [
  ["approve", ["a", "y"]],
  ["reject", ["x", "n"]],
  ["unsure", ["u", "space"]],
  ["approveAll", ["shift+a"]],
  ["rejectAll", ["shift+x"]],
  ["previousBox", ["arrowup"]],
  ["nextBox", ["arrowdown"]],
  ["previousImage", ["arrowleft", "k"]],
  ["nextImage", ["arrowright", "j"]],
  ["draw", ["b"]],
  ["delete", ["delete", "backspace"]],
  ["nudgeLeft", ["ctrl+arrowleft"]],
  ["nudgeRight", ["ctrl+arrowright"]],
  ["nudgeUp", ["ctrl+arrowup"]],
  ["nudgeDown", ["ctrl+arrowdown"]],
  ["undo", ["ctrl+z"]],
  ["redo", ["ctrl+shift+z"]],
  ["fit", ["f"]],
  ["actualSize", ["z"]],
  ["larger", ["+", "="]],
  ["smaller", ["-"]],
  ["hide", ["h"]],
  ["filter", ["/"]],
  ["help", ["?"]],
  ["escape", ["escape"]],
  ...CLASSES,
];

/** Actions that go on while their key is held. */
const REPEATED: ReadonlySet<Action> = new Set<Action>([
  "nudgeLeft",
  "nudgeRight",
  "nudgeUp",
  "nudgeDown",
  "larger",
  "smaller",
]);

export function keymapOf(changed: Partial<Record<Action, readonly Chord[]>> = {}): Keymap {
  const map = new Map<Chord, Action>();
  for (const [action, chords] of USUAL) for (const chord of changed[action] ?? chords) map.set(chord, action);
  return map;
}

/** What of a key event counts. */
export interface Pressed {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
  readonly isComposing: boolean;
  readonly target: unknown;
}

/**
 * The name of what was pressed. Cmd is Ctrl. Shift is named for letters and keys that have a name; of a sign such as `?`
 * it is part of how the sign is written.
 */
export function chordOf(pressed: Pick<Pressed, "key" | "ctrlKey" | "metaKey" | "shiftKey">): Chord {
  const key = pressed.key === " " ? "space" : pressed.key.toLowerCase();
  const isSign = key.length === 1 && !/\p{L}/u.test(key);
  const words = [];
  if (pressed.ctrlKey || pressed.metaKey) words.push("ctrl");
  if (pressed.shiftKey && !isSign) words.push("shift");
  return [...words, key].join("+");
}

/** What a key press does here; null: it is the browser's. */
export function actionOf(pressed: Pressed, map: Keymap): Action | null {
  if (pressed.altKey || pressed.isComposing || isTyping(pressed.target)) return null;
  const action = map.get(chordOf(pressed)) ?? null;
  return pressed.repeat && action !== null && !REPEATED.has(action) ? null : action;
}

const NO_TEXT = new Set(["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"]);

/** Whether keys go into a field. Buttons keep Space and Enter for themselves. */
export function isTyping(target: unknown): boolean {
  const at = target as { tagName?: string; type?: string; isContentEditable?: boolean } | null;
  if (!at || typeof at.tagName !== "string") return false;
  const tag = at.tagName.toLowerCase();
  if (at.isContentEditable === true || tag === "textarea" || tag === "select") return true;
  return tag === "input" && !NO_TEXT.has((at.type ?? "text").toLowerCase());
}
