/** The chosen box, large: boxes of twenty pixels are decided too. */

import { useEffect, useRef } from "react";
import type { BoxAnswer } from "../api/types";
import { closeup } from "../canvas/closeup";
import { STYLES, stateOf } from "../canvas/styles";

const SCREEN = { width: 254, height: 150 };

export function CloseupView({ picture, box }: { readonly picture: ImageBitmap | null; readonly box: BoxAnswer }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    // After the canvas: what is large is to be seen first.
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => canvas.current !== null && drawCloseup(canvas.current, picture, box));
    });
    return () => cancelAnimationFrame(frame);
  }, [picture, box]);
  return (
    <canvas ref={canvas} style={SCREEN} className="rounded border border-(--line) bg-(--raised)" aria-hidden="true" />
  );
}

function drawCloseup(element: HTMLCanvasElement, picture: ImageBitmap | null, box: BoxAnswer): void {
  const context = element.getContext("2d");
  if (context === null) return;
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(SCREEN.width * ratio), Math.round(SCREEN.height * ratio)];
  if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, SCREEN.width, SCREEN.height);
  if (picture === null) return;
  const { source, box: at } = closeup(box.corners, picture, SCREEN);
  context.imageSmoothingEnabled = source[2] > SCREEN.width / 4;
  context.drawImage(picture, ...source, 0, 0, SCREEN.width, SCREEN.height);
  const style = STYLES[stateOf(box)];
  context.lineWidth = 4;
  context.strokeStyle = "rgba(0, 0, 0, 0.6)";
  context.strokeRect(...at);
  context.lineWidth = 2;
  context.strokeStyle = style.colour;
  context.setLineDash([...style.dash]);
  context.strokeRect(...at);
  context.setLineDash([]);
}
