/** One image, large: where people decide. */

import { useEffect, useMemo, useRef, useState } from "react";
import { picture, pictureAtHand } from "../canvas/pictures";
import { moved } from "../canvas/edit";
import { spoken } from "../canvas/styles";
import { Surface, type SurfaceHandle } from "../canvas/surface";
import { type Action, actionOf, keymapOf } from "../keymap/keymap";
import { keepKeys, keptKeys } from "../keymap/own";
import { changedAddress, go, useAddress } from "../state/address";
import { shownBoxes } from "../state/image";
import { useReviewing } from "../state/reviewing";
import { Help } from "./help";
import { Message } from "./message";
import { Hints, KeyOf } from "./hints";
import { Panel } from "./panel";

export function CanvasRoute() {
  const { asked } = useAddress();
  const review = useReviewing();
  const { image, chosen } = review;
  const boxes = useMemo(() => (image === null ? [] : shownBoxes(image)), [image]);
  const at = chosen === null ? undefined : boxes[chosen];
  const [bitmap, setBitmap] = useState<{ id: string; picture: ImageBitmap } | null>(null);
  const [broken, setBroken] = useState<string | null>(null);
  const [drawing, setDrawing] = useState(false);
  const [hidden, setHidden] = useState(false);
  const [help, setHelp] = useState(false);
  const [keys, setKeys] = useState(keptKeys);
  const map = useMemo(() => (keys.off ? new Map() : keymapOf(keys.changed)), [keys]);
  const surface = useRef<SurfaceHandle>(null);
  const id = image?.image_id ?? null;

  useEffect(() => {
    setBroken(null);
    if (id === null) return;
    let gone = false;
    picture(review.project, id).then(
      (made) => !gone && setBitmap({ id, picture: made }),
      (error: unknown) => !gone && setBroken(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
    };
  }, [review.project, id]);

  const act = (action: Action): void => {
    const nudge = (dx: number, dy: number) => {
      if (image === null || at === undefined) return;
      review.edit(at.box_id, moved(at.corners, dx / image.width, dy / image.height));
    };
    const step = (by: number) => {
      if (boxes.length > 0) review.choose(((chosen ?? (by > 0 ? -1 : 0)) + by + boxes.length) % boxes.length);
    };
    const done: Partial<Record<Action, () => void>> = {
      approve: () => review.decide("approved"),
      reject: () => review.decide("rejected"),
      unsure: () => review.decide("unsure"),
      approveAll: () => review.decideAll("approved"),
      rejectAll: () => review.decideAll("rejected"),
      previousBox: () => step(-1),
      nextBox: () => step(1),
      previousImage: () => review.move(-1),
      nextImage: () => review.move(1),
      draw: () => setDrawing((now) => !now),
      delete: review.remove,
      nudgeLeft: () => nudge(-1, 0),
      nudgeRight: () => nudge(1, 0),
      nudgeUp: () => nudge(0, -1),
      nudgeDown: () => nudge(0, 1),
      undo: review.undo,
      redo: review.redo,
      fit: () => surface.current?.fit(),
      actualSize: () => surface.current?.actualSize(),
      larger: () => surface.current?.zoom(1.25),
      smaller: () => surface.current?.zoom(0.8),
      hide: () => setHidden(true),
      filter: () => go(changedAddress("/", asked, { image: null, box: null })),
      help: () => setHelp(true),
      escape: () => (drawing ? setDrawing(false) : review.choose(null)),
    };
    if (action.startsWith("class")) {
      const name = review.summary?.classes[Number(action.slice(5)) - 1];
      if (name !== undefined) review.reclass(name);
    } else done[action]?.();
  };
  const newest = useRef(act);
  newest.current = act;
  useEffect(() => {
    let holding: string | null = null;
    const down = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]") !== null) return;
      const onButton = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
      if (onButton && (event.key === " " || event.key === "Enter")) return;
      const action = actionOf(event, map);
      if (action === null) return;
      event.preventDefault();
      if (action === "hide") holding = event.code;
      newest.current(action);
    };
    const up = (event: KeyboardEvent) => {
      if (event.code === holding) setHidden(false);
    };
    const away = () => setHidden(false);
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", away);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", away);
    };
  }, [map]);

  if (review.error !== null) return <Message title="The image cannot be shown" text={review.error} />;
  if (image === null)
    return (
      <Message
        title={review.loading || review.total > 0 ? "Reading the image …" : "No image fits"}
        text={review.hindrance ?? (review.total === 0 && !review.loading ? "Choose other filters in the grid." : "")}
      />
    );
  const shown = bitmap?.id === image.image_id ? bitmap.picture : pictureAtHand(review.project, image.image_id);
  const open = boxes.filter((box) => box.decision === "none" && !box.deleted).length;
  return (
    <div className="flex h-full">
      <section className="flex min-w-0 grow flex-col" aria-label="Image">
        <div className="flex items-center gap-4 border-b border-(--line) px-4 py-1.5 text-sm">
          <button type="button" aria-label="Previous image" className="px-2" onClick={() => review.move(-1)}>
            ←
          </button>
          <span>{review.place < 0 ? "beside the queue" : `${review.place + 1} of ${review.total}`}</span>
          <button type="button" aria-label="Next image" className="px-2" onClick={() => review.move(1)}>
            →
          </button>
          <h2 className="min-w-0 grow truncate font-semibold">{image.title}</h2>
          {review.pace !== null && <span className="text-(--soft)">{Math.round(review.pace)} a minute</span>}
          <span>{open === 0 ? "all boxes decided" : `${open} undecided`}</span>
          {drawing && (
            <span className="font-semibold">
              drawing: drag a box <KeyOf keys={keys} action="escape" /> ends it
            </span>
          )}
          <button type="button" onClick={() => setHelp(true)}>
            <KeyOf keys={keys} action="help" /> keys
          </button>
        </div>
        <div className="relative min-h-0 grow">
          {broken !== null && <Message title="The picture cannot be shown" text={broken} />}
          <Surface
            ref={surface}
            picture={shown}
            image={image}
            boxes={boxes}
            chosen={chosen}
            hidden={hidden}
            drawing={drawing}
            onChoose={review.choose}
            onEdit={review.edit}
            onDraw={(corners) => {
              review.draw(corners);
              setDrawing(false);
            }}
          />
        </div>
        <Hints keys={keys} />
      </section>
      <Panel
        image={image}
        picture={shown}
        keys={keys}
        boxes={boxes}
        classes={review.summary?.classes ?? []}
        chosen={chosen}
        onChoose={review.choose}
        onDecide={review.decide}
        onClass={review.reclass}
        onImage={review.decideImage}
        onNote={review.note}
      />
      <p className="sr-only" aria-live="polite">
        {at === undefined ? "" : spoken(at, chosen! + 1, boxes.length)}
      </p>
      {help && (
        <Help
          keys={keys}
          onChange={(next) => {
            keepKeys(next);
            setKeys(next);
          }}
          onClose={() => setHelp(false)}
        />
      )}
    </div>
  );
}
