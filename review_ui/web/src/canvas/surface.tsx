/** The canvas on the page: when it is painted, and where the pointer's gestures go. */

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
import { flushSync } from "react-dom";
import type { BoxAnswer, Corners } from "../api/types";
import { drawn } from "./edit";
import { type Gesture, begun, ended, followed, pinched } from "./gestures";
import { Painter } from "./painter";
import { stateOf } from "./styles";
import { type Point, type Size, type Viewport, centred, fit, zoomed } from "./viewport";

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
  readonly onEdit: (boxId: string, corners: Corners) => void;
  readonly onDraw: (corners: Corners) => void;
}

/** After so long without a move the view stands still, and all is drawn sharp. */
const STILL_MS = 120;

export function Surface(props: Props) {
  const { picture, image, boxes, chosen, hidden, drawing } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const [screen, setScreen] = useState<Size>({ width: 0, height: 0 });
  const view = useRef<Viewport>({ scale: 1, left: 0, top: 0 });
  const gesture = useRef<Gesture | null>(null);
  const pointers = useRef(new Map<number, Point>());
  const movedAt = useRef(-STILL_MS);
  const frame = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const shown = useMemo(
    () =>
      boxes.map((box) => ({
        boxId: box.box_id,
        corners: box.corners,
        state: stateOf(box),
        label: box.class_name,
      })),
    [boxes],
  );
  const paint = useCallback(() => {
    cancelAnimationFrame(frame.current);
    if (painter.current === null || screen.width === 0) return;
    const doing = gesture.current;
    const held = doing?.kind === "resize" || doing?.kind === "move" ? doing : null;
    const draft = doing?.kind === "draw" ? drawn(doing.from, doing.to, image) : null;
    const around = performance.now() - movedAt.current < STILL_MS;
    painter.current.paint(
      {
        image,
        picture,
        boxes:
          held === null
            ? shown
            : shown.map((box) => (box.boxId === held.boxId ? { ...box, corners: held.corners } : box)),
        chosen,
        hidden,
        draft,
        // What is drawn ahead for a view that moves does not hold a box that moves, too.
        moving: around && held === null && draft === null,
      },
      view.current,
      screen,
    );
    clearTimeout(timer.current);
    if (around) timer.current = setTimeout(() => newest.current(), STILL_MS);
  }, [shown, chosen, hidden, image, picture, screen]);
  const newest = useRef(paint);
  newest.current = paint;
  const soon = useCallback(() => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => newest.current());
  }, []);
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
    const made = new Painter(element);
    painter.current = made;
    // At once: the canvas is empty from here on, and would be seen so.
    const watch = new ResizeObserver(() => flushSync(() => setScreen(made.fitPage())));
    watch.observe(element);
    return () => {
      watch.disconnect();
      cancelAnimationFrame(frame.current);
      clearTimeout(timer.current);
    };
  }, []);
  useLayoutEffect(() => {
    if (screen.width > 0) view.current = fit(image, screen);
    // Only another image, or another window, is fitted anew.
  }, [image.image_id, screen]);
  // All but a new size waits for the frame: one press of a key changes the boxes and which one is chosen, one after the
  // other.
  useLayoutEffect(() => soon(), [paint, soon]);
  useLayoutEffect(() => newest.current(), [screen]);

  // A key that leads elsewhere takes what is held out of the hand.
  useEffect(() => {
    const kind = gesture.current?.kind;
    if (kind === "resize" || kind === "move" || kind === "draw") gesture.current = null;
  }, [image.image_id, chosen, drawing]);

  const middle = { x: screen.width / 2, y: screen.height / 2 };
  useImperativeHandle(props.ref, () => ({
    fit: () => see(fit(image, screen)),
    actualSize: () => see(centred(image, screen, 1)),
    zoom: (factor) => see(zoomed(view.current, factor, middle, image, screen)),
  }));

  const place = (event: { readonly clientX: number; readonly clientY: number }): Point => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const delta = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      see(zoomed(view.current, Math.exp(-delta / (event.ctrlKey ? 100 : 400)), place(event), image, screen));
    };
    // React listens passively, and then the page would scroll.
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [image, screen, see]);

  const field = { image, screen, boxes, chosen, hidden, drawing };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const at = place(event);
    canvas.current!.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, at);
    const [one, other, third] = pointers.current.values();
    if (third !== undefined) return;
    gesture.current = other === undefined ? begun(at, event.shiftKey, view.current, field) : pinched(one!, other);
    soon();
  };
  const over = (event: PointerEvent) => {
    if (!pointers.current.has(event.pointerId)) return;
    const at = place(event);
    pointers.current.set(event.pointerId, at);
    if (gesture.current === null) return;
    const [next, seen] = followed(gesture.current, at, [...pointers.current.values()], view.current, field);
    if (next === gesture.current) return;
    gesture.current = next;
    if (seen === view.current) soon();
    else see(seen);
  };
  const up = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
    const doing = gesture.current;
    gesture.current = null;
    const came = doing === null ? null : ended(doing, place(event), view.current, field);
    if (came?.kind === "choose") props.onChoose(came.number);
    else if (came?.kind === "draw") props.onDraw(came.corners);
    else if (came?.kind === "edit") props.onEdit(came.boxId, came.corners);
    soon();
  };
  const cancelled = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
    gesture.current = null;
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
      onPointerCancel={cancelled}
      onDoubleClick={() => see(fit(image, screen))}
    />
  );
}
