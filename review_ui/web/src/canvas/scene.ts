/** What is to be seen on a canvas. */

import type { State } from "./styles";
import type { Corners, Size } from "./viewport";

export interface DrawnBox {
  readonly corners: Corners;
  readonly state: State;
  readonly label: string;
}

export interface Scene {
  readonly image: Size;
  /** The decoded picture; null while it is loading. */
  readonly picture: CanvasImageSource | null;
  readonly boxes: readonly DrawnBox[];
  readonly chosen: number | null;
  readonly hidden: boolean;
  /** A box that is being drawn. */
  readonly draft: Corners | null;
  readonly moving: boolean;
}

/** Above so many boxes on the screen nobody can read their labels. */
export const MOST_LABELS = 400;
