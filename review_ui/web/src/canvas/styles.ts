/**
 * How boxes look: a colour, a dash and a glyph for each state, so that colour is never the only sign. The colours are
 * those of Okabe and Ito ("Color Universal Design", 2008), which people who see colours otherwise tell apart too.
 */

import type { BoxAnswer } from "../api/types";

export type State = "approved" | "rejected" | "unsure" | "deleted" | "yes" | "no" | "open";

export interface Style {
  readonly colour: string;
  readonly dash: readonly number[];
  readonly width: number;
  readonly glyph: string;
  readonly said: string;
  /** The same in a word or two, for lists. */
  readonly short: string;
}

export const STYLES: Readonly<Record<State, Style>> = {
  approved: { colour: "#009e73", dash: [], width: 2.5, glyph: "✓", said: "approved", short: "right" },
  rejected: { colour: "#d55e00", dash: [2, 4], width: 2, glyph: "✕", said: "rejected", short: "wrong" },
  unsure: { colour: "#cc79a7", dash: [10, 4, 2, 4], width: 2, glyph: "?", said: "unsure", short: "unsure" },
  deleted: { colour: "#8a8a8a", dash: [1, 6], width: 1.5, glyph: "␡", said: "deleted", short: "deleted" },
  yes: {
    colour: "#56b4e9",
    dash: [],
    width: 1.5,
    glyph: "",
    said: "undecided, the model says yes",
    short: "model: yes",
  },
  no: {
    colour: "#e69f00",
    dash: [6, 4],
    width: 1.5,
    glyph: "",
    said: "undecided, the model says no",
    short: "model: no",
  },
  open: { colour: "#f0e442", dash: [12, 4], width: 1.5, glyph: "", said: "undecided", short: "model: ?" },
};

/** What decides over how a box looks: a person's word first, then the model's. */
export function stateOf(box: Pick<BoxAnswer, "decision" | "deleted" | "verdict">): State {
  if (box.deleted) return "deleted";
  if (box.decision !== "none") return box.decision;
  return box.verdict === "YES" ? "yes" : box.verdict === "NO" ? "no" : "open";
}

/** A box in words, for those who hear the page. */
export function spoken(box: BoxAnswer, number: number, count: number): string {
  const score = box.p_yes === null ? "" : `, ${Math.round(box.p_yes * 100)} per cent`;
  const note = box.note ? `, note: ${box.note}` : "";
  return `${number} of ${count}: ${box.class_name}, ${STYLES[stateOf(box)].said}${score}${note}`;
}
