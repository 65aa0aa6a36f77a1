/** The keys as somebody has set them in this browser: some changed, or all off. */

import { type Action, type Chord, USUAL } from "./keymap";

export interface OwnKeys {
  readonly off: boolean;
  readonly changed: Readonly<Partial<Record<Action, readonly Chord[]>>>;
}

const NAME = "dlf-keys";
const NONE: OwnKeys = { off: false, changed: {} };

/** What was kept; what is no setting of ours counts for nothing. */
export function keptKeys(): OwnKeys {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "null") as Partial<OwnKeys> | null;
    if (kept === null || typeof kept !== "object") return NONE;
    const changed: Partial<Record<Action, readonly Chord[]>> = {};
    for (const [action] of USUAL) {
      const chords: unknown = kept.changed?.[action];
      if (Array.isArray(chords) && chords.every((one) => typeof one === "string")) changed[action] = chords as Chord[];
    }
    return { off: kept.off === true, changed };
  } catch {
    return NONE;
  }
}

export function keepKeys(keys: OwnKeys): void {
  localStorage.setItem(NAME, JSON.stringify(keys));
}

/** The keys of an action. */
export function chordsOf(keys: OwnKeys, action: Action): readonly Chord[] {
  return keys.changed[action] ?? USUAL.find(([one]) => one === action)?.[1] ?? [];
}

/** With one key for an action instead of those it had; whatever had that key before loses it. */
export function withKey(keys: OwnKeys, action: Action, chord: Chord): OwnKeys {
  const changed: Partial<Record<Action, readonly Chord[]>> = { ...keys.changed };
  for (const [other] of USUAL) {
    const chords = chordsOf(keys, other);
    if (chords.includes(chord)) changed[other] = chords.filter((one) => one !== chord);
  }
  changed[action] = [chord];
  return { ...keys, changed };
}
