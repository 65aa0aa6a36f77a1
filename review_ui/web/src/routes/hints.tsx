/** Keys as they are drawn, and those that are needed most, for somebody who is here for the first time. */

import type { Action } from "../keymap/keymap";
import { type OwnKeys, chordsOf } from "../keymap/own";
import { keyName } from "../keymap/said";

const HINTS: ReadonlyArray<readonly [readonly Action[], string]> = [
  [["approve"], "right"],
  [["reject"], "wrong"],
  [["unsure"], "unsure"],
  [["approveAll"], "all right"],
  [["previousBox", "nextBox"], "box"],
  [["previousImage", "nextImage"], "image"],
  [["draw"], "draw"],
  [["delete"], "delete"],
  [["undo"], "undo"],
  [["help"], "all keys"],
];

export function Hints({ keys }: { readonly keys: OwnKeys }) {
  if (keys.off) return null;
  return (
    <ul
      className="flex flex-wrap gap-x-5 gap-y-1 border-t border-(--line) px-4 py-1.5 text-xs text-(--soft)"
      aria-label="Keys"
    >
      {HINTS.map(([actions, text]) => (
        <li key={text} className="flex items-center gap-1">
          {actions.map((action) => (
            <KeyOf key={action} keys={keys} action={action} />
          ))}
          {text}
        </li>
      ))}
    </ul>
  );
}

/** The first key of an action, as it is set now. */
export function KeyOf({ keys, action }: { readonly keys: OwnKeys; readonly action: Action }) {
  const [chord] = keys.off ? [] : chordsOf(keys, action);
  return chord === undefined ? null : <Key>{keyName(chord)}</Key>;
}

export function Key({ children }: { readonly children: string }) {
  return <kbd className="rounded border border-(--line) bg-(--raised) px-1 font-mono text-xs">{children}</kbd>;
}
