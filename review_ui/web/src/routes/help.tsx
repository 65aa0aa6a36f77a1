/** What each key does; keys may be given to other actions here, and switched off. */

import { type KeyboardEvent, useState } from "react";
import { type Action, chordOf } from "../keymap/keymap";
import { type OwnKeys, chordsOf, withKey } from "../keymap/own";
import { SAID, keyName } from "../keymap/said";
import { BUTTON, Dialog } from "./dialog";
import { Key } from "./hints";

const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];

interface Props {
  readonly keys: OwnKeys;
  readonly onChange: (keys: OwnKeys) => void;
  readonly onClose: () => void;
}

export function Help({ keys, onChange, onClose }: Props) {
  const [changing, setChanging] = useState<Action | null>(null);
  const press = (event: KeyboardEvent) => {
    if (changing === null || MODIFIERS.includes(event.key) || event.key === "Tab") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key !== "Escape") onChange(withKey(keys, changing, chordOf(event.nativeEvent)));
    setChanging(null);
  };
  return (
    <Dialog
      title="Keys"
      width="max-w-5xl"
      onClose={onClose}
      // Escape leaves a key as it is, and only then closes.
      onCancel={(event) => changing !== null && event.preventDefault()}
      onKeyDown={press}
      foot={
        <>
          <label className="flex grow items-center gap-2">
            <input
              type="checkbox"
              className="size-6"
              checked={!keys.off}
              onChange={(event) => onChange({ ...keys, off: !event.target.checked })}
            />
            keys are on
          </label>
          <button type="button" className={BUTTON} onClick={() => onChange({ off: false, changed: {} })}>
            As they were at first
          </button>
        </>
      }
    >
      <ul className="gap-x-10 text-sm md:columns-2">
        {SAID.map(([action, text]) => (
          <li key={action} className="flex break-inside-avoid items-center gap-3 py-1">
            <span className="flex w-32 shrink-0 flex-wrap gap-1">
              {chordsOf(keys, action).map((chord) => (
                <Key key={chord}>{keyName(chord)}</Key>
              ))}
            </span>
            <span className="grow">{text}</span>
            <button
              type="button"
              className="min-h-6 rounded border border-(--line) px-2 text-xs"
              aria-label={`change the key for: ${text}`}
              onClick={() => setChanging(action)}
            >
              {changing === action ? "press a key …" : "change"}
            </button>
          </li>
        ))}
        <li className="flex break-inside-avoid items-center gap-3 py-1">
          <span className="flex w-32 shrink-0 gap-1">
            <Key>1</Key>…<Key>9</Key>
          </span>
          <span>class of the box</span>
        </li>
        <li className="flex break-inside-avoid items-center gap-3 py-1">
          <span className="w-32 shrink-0">pointer</span>
          <span>drag pans, click chooses; Shift+drag moves the box, its handles resize it; double click fits</span>
        </li>
      </ul>
    </Dialog>
  );
}
