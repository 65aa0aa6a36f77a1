/** One image after the other: which one is shown, what it holds now, and what a person does with it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { readProject } from "../api/client";
import type { Corners, Decision, ImageAnswer, ProjectSummary } from "../api/types";
import { changedAddress, go, useAddress } from "./address";
import { useAhead, useLease } from "./ahead";
import { atTheEnd, firstBucket } from "./buckets";
import { changedImage } from "./changed";
import { type Change, History, type Step, operationsOf } from "./history";
import { shownBoxes, useImageQuery } from "./image";
import { Pace } from "./pace";
import { questionOf } from "./question";
import { useQueue } from "./queue";
import { useSession } from "./session";

/** Milliseconds for the last word to be saved, before it is said what is left. */
const END_WAITS = 3_000;
/** Who goes from box to box writes no address at each: browsers take some hundred in ten seconds. */
const RESTS_MS = 300;

export interface Reviewing {
  readonly project: string;
  readonly summary: ProjectSummary | null;
  readonly image: ImageAnswer | null;
  readonly error: string | null;
  readonly loading: boolean;
  /** Why it has not come yet; it is tried again. */
  readonly hindrance: string | null;
  /** Of the image in the queue, from 0; −1: it is not among what was asked for. */
  readonly place: number;
  readonly total: number;
  readonly chosen: number | null;
  /** Decisions a minute; null: too few to tell. */
  readonly pace: number | null;
  readonly choose: (number: number | null) => void;
  readonly move: (by: 1 | -1) => void;
  readonly decide: (decision: Decision) => void;
  readonly decideAll: (decision: Decision) => void;
  readonly decideImage: (decision: Decision) => void;
  readonly edit: (boxId: string, corners: Corners) => void;
  readonly draw: (corners: Corners) => void;
  readonly reclass: (className: string) => void;
  readonly remove: () => void;
  readonly note: (text: string) => void;
  readonly undo: () => void;
  readonly redo: () => void;
}

export function useReviewing(): Reviewing {
  const { asked } = useAddress();
  const { outbox, reviewer, tell } = useSession();
  const client = useQueryClient();
  const project = asked.get("project")!;
  const summary = useQuery({ queryKey: ["project", project], queryFn: ({ signal }) => readProject(project, signal) });
  const bucket = asked.get("bucket") ?? firstBucket(summary.data) ?? "";
  const question = useMemo(() => questionOf(asked, project, bucket), [asked, project, bucket]);
  const queue = useQueue(question, asked.get("image"), bucket !== "");
  const { imageId, place } = queue;
  const imageQuery = useImageQuery(project);
  const told = useQuery({ ...imageQuery(bucket, imageId ?? ""), enabled: imageId !== null && outbox !== null });
  const image = told.data ?? null;
  const boxes = useMemo(() => (image === null ? [] : shownBoxes(image)), [image]);
  // Not by its number: boxes come and go while others draw and delete.
  const [chosenId, setChosenId] = useState<string | null>(null);
  const chosen = useMemo(() => numberOf(boxes, chosenId), [boxes, chosenId]);
  const resting = useRef(imageId);
  resting.current = imageId;
  const history = useRef(new History());
  const pace = useRef(new Pace());

  // A new image: the first box nobody has decided is chosen.
  const begun = useRef<string | null>(null);
  useEffect(() => {
    if (image === null || begun.current === image.image_id) return;
    begun.current = image.image_id;
    const at = numberOf(boxes, asked.get("box")) ?? nextOpen(boxes, -1);
    setChosenId(at === null ? null : boxes[at]!.box_id);
  }, [image, boxes, asked]);

  // Where one rests stands in the address: reload and a link lead to this very box.
  useEffect(() => {
    const box = chosen === null ? undefined : boxes[chosen];
    if (image === null || box === undefined) return;
    if (asked.get("image") === image.image_id && asked.get("box") === box.box_id) return;
    const here = changedAddress("/canvas", asked, { image: image.image_id, box: box.box_id });
    const timer = setTimeout(() => {
      // Effects are cleaned up after what they follow from is drawn: by now another image may be in the address.
      const shown = new URLSearchParams(window.location.search).get("image");
      if (shown === asked.get("image")) go(here, "replace");
    }, RESTS_MS);
    return () => clearTimeout(timer);
  }, [asked, image, boxes, chosen]);

  useLease(project, imageId);
  useAhead(project, bucket, queue, imageQuery);

  const show = useCallback(
    (id: string) => go(changedAddress("/canvas", asked, { image: id, box: null }), "replace"),
    [asked],
  );
  const move = useCallback(
    (by: 1 | -1) => {
      // Of an image beside the queue the next one is the queue's first.
      const wanted = place < 0 ? 0 : place + by;
      const next = queue.at(wanted);
      if (next !== undefined) show(next.image_id);
      else if (!queue.read || (wanted >= 0 && wanted < queue.total)) tell("The queue is still being read.");
      else if (by < 0) tell("This is the first image of the queue.");
      else {
        const sayWhatIsLeft = async () => {
          const text = await (outbox?.empty(END_WAITS) ?? Promise.reject())
            .then(() => readProject(project))
            .then(
              (now) => atTheEnd(now, bucket),
              () => "This was the last image of the queue.",
            );
          if (resting.current === imageId) tell(text); // else one is elsewhere by now
        };
        void sayWhatIsLeft();
      }
    },
    [queue, imageId, place, show, tell, outbox, project, bucket],
  );

  const apply = useCallback(
    (step: Step) => {
      if (outbox === null || reviewer === null) return;
      const stepKey = ["image", project, step.bucket, step.imageId];
      const before = client.getQueryData<ImageAnswer>(stepKey);
      if (before === undefined) return;
      const versions = new Map(before.boxes.map((box) => [box.box_id, box.version]));
      versions.set("image", before.version);
      const ops = operationsOf(step, versions, reviewer, () => crypto.randomUUID());
      client.setQueryData(
        stepKey,
        changedImage(
          before,
          step.changes.map((change) => ({ change, reviewer })),
        ),
      );
      void outbox.say(project, ops).catch((error: unknown) => {
        // The browser could not keep it (its disk is full): what is shown must not say otherwise.
        tell(`not saved: ${String(error)}`, true);
        void client.invalidateQueries({ queryKey: stepKey });
      });
    },
    [client, outbox, project, reviewer, tell],
  );
  const perform = useCallback(
    (changes: readonly Change[]) => {
      if (image === null || changes.length === 0) return;
      const step = { bucket: image.bucket, imageId: image.image_id, changes };
      history.current.push(step);
      apply(step);
    },
    [image, apply],
  );

  const decide = (decision: Decision) => {
    const box = chosen === null ? undefined : boxes[chosen];
    if (image === null || box === undefined) return;
    pace.current.decided(performance.now());
    if (box.decision !== decision)
      perform([{ kind: "verdict", boxId: box.box_id, before: box.decision, after: decision }]);
    const after = boxes.map((one, number) => (number === chosen ? { ...one, decision } : one));
    const next = nextOpen(after, chosen!);
    if (next !== null) setChosenId(boxes[next]!.box_id);
    else move(1);
  };
  const decideAll = (decision: Decision) => {
    const open = boxes.filter((box) => box.decision === "none" && !box.deleted);
    perform(open.map((box) => ({ kind: "verdict", boxId: box.box_id, before: box.decision, after: decision })));
    move(1);
  };
  /** Say a step of the history. `back` takes it back into the history if that cannot be done. */
  const revert = async (step: Step | null, back: () => void) => {
    if (step === null) return;
    const query = imageQuery(step.bucket, step.imageId);
    try {
      await client.ensureQueryData(query); // who comes back to it after a while does not have it any more
    } catch (error) {
      back();
      tell(`this cannot be said just now: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const isElsewhere = step.imageId !== resting.current;
    if (isElsewhere) {
      begun.current = step.imageId;
      show(step.imageId);
    }
    apply(step);
    const named = step.changes.find((change) => "boxId" in change && change.boxId !== null);
    const boxId = named !== undefined && "boxId" in named ? named.boxId : null;
    const now = client.getQueryData(query.queryKey);
    const there = now === undefined ? [] : shownBoxes(now);
    const at = numberOf(there, boxId) ?? (isElsewhere ? nextOpen(there, -1) : null);
    if (at !== null) setChosenId(there[at]!.box_id);
  };
  const at = chosen === null ? undefined : boxes[chosen];

  return {
    project,
    summary: summary.data ?? null,
    image,
    error: told.error?.message ?? queue.error ?? summary.error?.message ?? null,
    loading: told.isPending && imageId !== null,
    hindrance: (summary.failureReason ?? told.failureReason)?.message ?? null,
    place,
    total: queue.total,
    pace: pace.current.aMinute,
    chosen,
    choose: (number) => setChosenId(number === null ? null : (boxes[number]?.box_id ?? null)),
    move,
    decide,
    decideAll,
    decideImage: (decision) => {
      if (image !== null && image.decision !== decision)
        perform([{ kind: "image_verdict", before: image.decision, after: decision }]);
    },
    edit: (boxId, corners) => {
      const box = boxes.find((one) => one.box_id === boxId);
      if (box === undefined) return;
      const before = box.found !== null && sameCorners(box.found.corners, box.corners) ? null : box.corners;
      perform([{ kind: "geometry", boxId: box.box_id, before, after: corners }]);
    },
    draw: (corners) => {
      const className = at?.class_name ?? summary.data?.classes[0];
      if (className === undefined) return;
      const boxId = newBoxId();
      perform([{ kind: "add", boxId, className, corners }]);
      setChosenId(boxId);
    },
    reclass: (className) => {
      if (at === undefined || at.class_name === className) return;
      const before = at.found !== null && at.found.class_name === at.class_name ? null : at.class_name;
      perform([{ kind: "class", boxId: at.box_id, before, after: className }]);
    },
    remove: () => {
      if (at !== undefined) perform([{ kind: "delete", boxId: at.box_id, before: at.deleted, after: !at.deleted }]);
    },
    note: (text) => {
      if (at === undefined || (at.note ?? "") === text) return;
      perform([{ kind: "note", boxId: at.box_id, before: at.note ?? "", after: text }]);
    },
    undo: () => void revert(history.current.undo(), () => history.current.redo()),
    redo: () => void revert(history.current.redo(), () => history.current.undo()),
  };
}

function numberOf(boxes: ReadonlyArray<{ box_id: string }>, boxId: string | null): number | null {
  const at = boxId === null ? -1 : boxes.findIndex((box) => box.box_id === boxId);
  return at < 0 ? null : at;
}

/** The next box nobody has decided, from the one after `from` round to it; null: there is none. */
function nextOpen(boxes: ReadonlyArray<{ decision: Decision; deleted: boolean }>, from: number): number | null {
  for (let step = 1; step <= boxes.length; step++) {
    const at = (from + step + boxes.length) % boxes.length;
    const box = boxes[at]!;
    if (box.decision === "none" && !box.deleted) return at;
  }
  return null;
}

const sameCorners = (one: Corners, other: Corners) =>
  one.x1 === other.x1 && one.y1 === other.y1 && one.x2 === other.x2 && one.y2 === other.y2;

const newBoxId = () => crypto.randomUUID().replaceAll("-", "");
