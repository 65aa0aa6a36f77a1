/** The canvas: what is seen, and what the pointer does. Drag pans, wheel and pinch zoom at the pointer, a click chooses. */

import {
  type PointerEvent,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { Ref } from "react";
import type { BoxAnswer, Corners } from "../api/types";
import { drawn, isSame, moved, resized } from "./edit";
import { Cache } from "./cache";
import { damaged } from "./damage";
import { type Scene, draw, mend } from "./engine";
import { type Handle, boxAt, handleAt } from "./hit";
import { stateOf } from "./styles";
import { type Point, type Size, type Viewport, centred, fit, panned, toImage, zoomed } from "./viewport";

export interface SurfaceHandle {
  fit(): void;
  actualSize(): void;
  zoom(factor: number): void;
}

interface Props {
  readonly ref: Ref<SurfaceHandle>;
  readonly picture: ImageBitmap | null;
  readonly image: Size & { readonly image_id: string };
  readonly boxes: readonly BoxAnswer[];
  readonly chosen: number | null;
  readonly hidden: boolean;
  readonly drawing: boolean;
  readonly onChoose: (number: number | null) => void;
  readonly onEdit: (number: number, corners: Corners) => void;
  readonly onDraw: (corners: Corners) => void;
}

type Gesture =
  | { kind: "pan"; at: Point; far: boolean }
  | { kind: "draw"; from: Point; to: Point }
  | { kind: "resize"; handle: Handle; corners: Corners }
  | { kind: "move"; from: Point; box: Corners; corners: Corners }
  | { kind: "pinch"; apart: number; middle: Point };

const FAR = 4;
const STILL_MS = 120;

export function Surface(props: Props) {
  const { picture, image, boxes, chosen, hidden, drawing } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [screen, setScreen] = useState<Size>({ width: 0, height: 0 });
  const view = useRef<Viewport>({ scale: 1, left: 0, top: 0 });
  const gesture = useRef<Gesture | null>(null);
  const pointers = useRef(new Map<number, Point>());
  const movedAt = useRef(0);
  const frame = useRef(0);
  const cache = useRef<Cache | null>(null);
  /** What is on the canvas, when it was drawn at rest. */
  const painted = useRef<{ scene: Scene; view: Viewport; screen: Size; ground: string; seen: number } | null>(null);

  const shown = useMemo(
    () => boxes.map((box) => ({ corners: box.corners, state: stateOf(box), label: box.class_name })),
    [boxes],
  );
  const paint = useCallback(() => {
    cancelAnimationFrame(frame.current);
    const element = canvas.current;
    const context = element?.getContext("2d", { alpha: false, desynchronized: true });
    if (!element || !context || screen.width === 0) return;
    const doing = gesture.current;
    const held = doing?.kind === "resize" || doing?.kind === "move" ? doing.corners : null;
    const draft = doing?.kind === "draw" ? drawn(doing.from, doing.to, image) : null;
    const moving = performance.now() - movedAt.current < STILL_MS;
    const now: Scene = {
      image,
      picture,
      boxes: held === null ? shown : shown.map((box, number) => (number === chosen ? { ...box, corners: held } : box)),
      chosen,
      hidden,
      draft,
      moving,
    };
    const ground = getComputedStyle(element).backgroundColor;
    const last = painted.current;
    painted.current = null;
    const still = last !== null && last.view === view.current && last.screen === screen && last.ground === ground;
    const parts = still ? damaged(last.scene, now, last.seen, view.current, devicePixelRatio) : null;
    let seen = last?.seen ?? 0;
    if (parts !== null) mend(context, now, parts, view.current, screen, devicePixelRatio, ground);
    else {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillStyle = ground;
      context.fillRect(0, 0, element.width, element.height);
      if (moving && held === null && draft === null) {
        cache.current ??= new Cache();
        cache.current.draw(context, now, view.current, screen, devicePixelRatio, ground);
      } else seen = draw(context, now, view.current, screen, devicePixelRatio);
    }
    if (moving) later(STILL_MS);
    else painted.current = { scene: now, view: view.current, screen, ground, seen };
  }, [shown, chosen, hidden, image, picture, screen]);
  const newest = useRef(paint);
  newest.current = paint;
  const soon = useCallback(() => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => newest.current());
  }, []);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const later = (ms: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(soon, ms);
  };
  const see = useCallback(
    (next: Viewport) => {
      view.current = next;
      movedAt.current = performance.now();
      soon();
    },
    [soon],
  );

  useLayoutEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => {
      element.width = Math.round(element.clientWidth * devicePixelRatio);
      element.height = Math.round(element.clientHeight * devicePixelRatio);
      painted.current = null;
      setScreen({ width: element.clientWidth, height: element.clientHeight });
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (screen.width > 0) view.current = fit(image, screen);
    // Only another image, or another window, is fitted anew.
  }, [image.image_id, screen]);
  // A canvas that has just been resized is empty, and would be seen so. All else waits for the frame: one press of a key
  // changes the boxes and which one is chosen, one after the other.
  useLayoutEffect(() => newest.current(), [screen]);
  useLayoutEffect(() => soon(), [paint, soon]);

  const middle = { x: screen.width / 2, y: screen.height / 2 };
  useImperativeHandle(props.ref, () => ({
    fit: () => see(fit(image, screen)),
    actualSize: () => see(centred(image, screen, 1)),
    zoom: (factor) => see(zoomed(view.current, factor, middle, image, screen)),
  }));

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      const lines = event.deltaMode === 1 ? 16 : 1;
      see(zoomed(view.current, Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 400)), at, image, screen));
    };
    // React listens passively, and then the page would scroll.
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [image, screen, see]);

  const place = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const at = place(event);
    canvas.current!.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, at);
    if (pointers.current.size === 2) {
      gesture.current = pinchOf([...pointers.current.values()]);
      return;
    }
    const inImage = toImage(view.current, image, at);
    const box = chosen === null ? undefined : boxes[chosen];
    const handle = box === undefined || hidden ? null : handleAt(box.corners, view.current, image, at);
    if (drawing) gesture.current = { kind: "draw", from: inImage, to: inImage };
    else if (handle !== null) gesture.current = { kind: "resize", handle, corners: box!.corners };
    else if (box !== undefined && event.shiftKey && boxAt([box.corners], view.current, image, at) === 0)
      gesture.current = { kind: "move", from: inImage, box: box.corners, corners: box.corners };
    else gesture.current = { kind: "pan", at, far: false };
  };
  const over = (event: PointerEvent) => {
    const at = place(event);
    if (pointers.current.has(event.pointerId)) pointers.current.set(event.pointerId, at);
    const doing = gesture.current;
    if (doing === null) return;
    const inImage = toImage(view.current, image, at);
    if (doing.kind === "pan") {
      const [dx, dy] = [at.x - doing.at.x, at.y - doing.at.y];
      if (!doing.far && Math.hypot(dx, dy) < FAR) return;
      gesture.current = { kind: "pan", at, far: true };
      see(panned(view.current, dx, dy, image, screen));
      return;
    }
    if (doing.kind === "pinch") {
      const next = pinchOf([...pointers.current.values()]);
      const zoomedView = zoomed(view.current, next.apart / doing.apart, doing.middle, image, screen);
      see(panned(zoomedView, next.middle.x - doing.middle.x, next.middle.y - doing.middle.y, image, screen));
      gesture.current = next;
      return;
    }
    if (doing.kind === "draw") gesture.current = { ...doing, to: inImage };
    else if (doing.kind === "resize")
      gesture.current = { ...doing, corners: resized(boxes[chosen!]!.corners, doing.handle, inImage, image) };
    else gesture.current = { ...doing, corners: moved(doing.box, inImage.x - doing.from.x, inImage.y - doing.from.y) };
    soon();
  };
  const up = (event: PointerEvent) => {
    const at = place(event);
    pointers.current.delete(event.pointerId);
    const doing = gesture.current;
    gesture.current = null;
    if (doing === null) return;
    if (doing.kind === "pan" && !doing.far) {
      props.onChoose(
        hidden
          ? null
          : boxAt(
              boxes.map((box) => box.corners),
              view.current,
              image,
              at,
            ),
      );
    } else if (doing.kind === "draw") {
      const made = drawn(doing.from, doing.to, image);
      if (made !== null) props.onDraw(made);
    } else if (doing.kind === "resize" || doing.kind === "move") {
      if (chosen !== null && !isSame(doing.corners, boxes[chosen]!.corners, image)) props.onEdit(chosen, doing.corners);
    }
    soon();
  };

  return (
    <canvas
      ref={canvas}
      className="block h-full w-full touch-none bg-(--raised)"
      style={{ cursor: drawing ? "crosshair" : "grab" }}
      aria-hidden="true"
      onPointerDown={down}
      onPointerMove={over}
      onPointerUp={up}
      onPointerCancel={(event) => {
        pointers.current.delete(event.pointerId);
        gesture.current = null;
        soon();
      }}
      onDoubleClick={() => see(fit(image, screen))}
    />
  );
}

function pinchOf([one, other]: readonly Point[]): Extract<Gesture, { kind: "pinch" }> {
  const [a, b] = [one!, other!];
  return {
    kind: "pinch",
    apart: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)),
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
  };
}
