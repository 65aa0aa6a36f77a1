/** A box as the server tells it, for tests. */

import type { BoxAnswer } from "../api/types";

export const CORNERS = { x1: 0.1, y1: 0.1, x2: 0.4, y2: 0.4 };
const FOUND = { class_name: "car", corners: CORNERS };
export const BOX: BoxAnswer = {
  box_id: "b",
  class_name: "car",
  corners: CORNERS,
  found: FOUND,
  query: "car",
  score: 0.9,
  score_kind: "detector",
  backend: "m",
  model: "m",
  verdict: "YES",
  p_yes: 0.9,
  version: 0,
  decision: "none",
  deleted: false,
  drawn_by: null,
  note: null,
  reviewer: null,
  at: null,
  carried: false,
};
