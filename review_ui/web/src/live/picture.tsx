/** The video as it plays, with the boxes of the last answer. */

import { useCallback, useEffect, useRef } from "react";
import { draw } from "../canvas/engine";
import { fit } from "../canvas/viewport";
import type { Eye } from "./eye";
import { type Track, titleOf } from "./tracker";

export function LivePicture({ eye, tracks }: { readonly eye: Eye; readonly tracks: readonly Track[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef(tracks);
  newest.current = tracks;
  const paint = useCallback(() => {
    const element = canvas.current;
    const context = element?.getContext("2d", { alpha: false });
    const image = { width: eye.video.videoWidth, height: eye.video.videoHeight };
    if (!element || !context || image.width === 0) return;
    const screen = { width: element.clientWidth, height: element.clientHeight };
    const [width, height] = [Math.round(screen.width * devicePixelRatio), Math.round(screen.height * devicePixelRatio)];
    if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(element).backgroundColor;
    context.fillRect(0, 0, width, height);
    const boxes = newest.current
      .filter((track) => track.unseen === 0)
      .map((track) => ({ corners: track.corners, state: "yes" as const, label: titleOf(track) }));
    const scene = { image, picture: eye.video, boxes, chosen: null, hidden: false, draft: null, moving: false };
    draw(context, scene, fit(image, screen), screen, devicePixelRatio);
  }, [eye]);
  useEffect(() => {
    let frame = requestAnimationFrame(function again() {
      paint();
      frame = requestAnimationFrame(again);
    });
    return () => cancelAnimationFrame(frame);
  }, [paint]);
  return (
    <canvas
      ref={canvas}
      className="block h-full w-full bg-(--raised)"
      role="img"
      aria-label={`the camera, with ${tracks.filter((track) => track.unseen === 0).length} boxes`}
    />
  );
}
