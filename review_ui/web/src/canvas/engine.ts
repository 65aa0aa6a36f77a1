/**
 * Draws an image and its boxes on a 2D canvas, style by style: setting a style costs more than a rectangle. What is not
 * on the screen is left out; while the view moves, labels are, too.
 */

import { type Part, touches } from "./damage";
import { handlesOf, isSmall } from "./hit";
import { MOST_LABELS, type DrawnBox, type Scene } from "./scene";
import { STYLES, type State } from "./styles";
import { type Corners, type Size, type Viewport, isVisible, onScreen } from "./viewport";

const HANDLE = 7;

type Context = Pick<
  CanvasRenderingContext2D,
  | "setTransform"
  | "drawImage"
  | "fillRect"
  | "strokeRect"
  | "setLineDash"
  | "fillText"
  | "measureText"
  | "lineWidth"
  | "strokeStyle"
  | "fillStyle"
  | "font"
  | "textBaseline"
  | "imageSmoothingEnabled"
>;

/** Draw a scene over what is there; how many boxes were on the screen, or in the parts that are drawn. */
export function draw(
  context: Context,
  scene: Scene,
  view: Viewport,
  screen: Size,
  ratio: number,
  parts: readonly Part[] | null = null,
): number {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (scene.picture !== null) {
    // Pixels are what a box is judged by: from twice their size on they are shown as they are.
    context.imageSmoothingEnabled = view.scale < 2;
    const { width, height } = scene.image;
    context.drawImage(scene.picture, view.left, view.top, width * view.scale, height * view.scale);
  }
  if (scene.hidden) return 0;
  const seen = scene.boxes
    .map((box, number) => ({ box, number }))
    .filter(
      ({ box }) =>
        isVisible(view, scene.image, screen, box.corners) &&
        (parts === null || touches(parts, box.corners, view, scene)),
    );
  for (const state of Object.keys(STYLES) as State[]) {
    const some = seen.filter(({ box, number }) => box.state === state && number !== scene.chosen);
    if (some.length > 0)
      stroke(
        context,
        some.map(({ box }) => box.corners),
        state,
        view,
        scene.image,
      );
  }
  if (!scene.moving && parts === null && seen.length <= MOST_LABELS) {
    for (const { box } of seen) label(context, box, view, scene.image);
  }
  const chosen = scene.chosen === null ? undefined : scene.boxes[scene.chosen];
  if (chosen !== undefined) choose(context, chosen, view, scene.image);
  if (scene.draft !== null) stroke(context, [scene.draft], "open", view, scene.image);
  return seen.length;
}

function stroke(
  context: Context,
  boxes: readonly Corners[],
  state: State,
  view: Viewport,
  image: Size,
  wider = 0,
): void {
  const style = STYLES[state];
  context.setLineDash([...style.dash]);
  context.lineWidth = style.width + wider;
  context.strokeStyle = style.colour;
  // `strokeRect` a box is faster than one path of many: a dashed path is measured as a whole.
  for (const box of boxes) context.strokeRect(...onScreen(box, view, image));
}

function choose(context: Context, box: DrawnBox, view: Viewport, image: Size): void {
  const [x, y, width, height] = onScreen(box.corners, view, image);
  context.setLineDash([]);
  context.lineWidth = 5;
  context.strokeStyle = "rgba(0, 0, 0, 0.7)";
  context.strokeRect(x, y, width, height);
  context.lineWidth = 3.5;
  context.strokeStyle = "#ffffff";
  context.strokeRect(x, y, width, height);
  stroke(context, [box.corners], box.state, view, image, 0.5);
  context.setLineDash([]);
  context.lineWidth = 1;
  context.strokeStyle = "#000000";
  context.fillStyle = "#ffffff";
  const side = isSmall(box.corners, view, image) ? HANDLE / 2 : HANDLE;
  for (const [, place] of handlesOf(box.corners, view, image)) {
    context.fillRect(place.x - side / 2, place.y - side / 2, side, side);
    context.strokeRect(place.x - side / 2, place.y - side / 2, side, side);
  }
}

function label(context: Context, box: DrawnBox, view: Viewport, image: Size): void {
  const [x, y, width] = onScreen(box.corners, view, image);
  const glyph = STYLES[box.state].glyph;
  const text = glyph === "" ? box.label : `${glyph} ${box.label}`;
  if (width < 24 && glyph === "") return;
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "top";
  const shown = width < 60 ? glyph : text;
  if (shown === "") return;
  const wide = context.measureText(shown).width + 8;
  const top = y >= 17 ? y - 17 : y + 1;
  context.fillStyle = "rgba(0, 0, 0, 0.72)";
  context.fillRect(x, top, wide, 16);
  context.fillStyle = "#ffffff";
  context.fillText(shown, x + 4, top + 2);
}
