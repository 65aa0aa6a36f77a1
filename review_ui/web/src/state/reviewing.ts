/** One image after the other: which one is shown, what it holds now, and what a person does with it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { lease, readImage, readProject } from "../api/client";
import type { Corners, Decision, ImageAnswer, ProjectSummary } from "../api/types";
import { picture } from "../canvas/pictures";
import { changedAddress, go, useAddress } from "./address";
import { type Change, History, type Step, operationsOf } from "./history";
import { Pace } from "./pace";
import { questionOf } from "./question";
import { useQueue } from "./queue";
import { useSession } from "./session";
import { withChange, withWaiting } from "./waiting";

const AHEAD = 2;
/** Milliseconds for the last word to be saved, before it is said what is left. */
const END_WAITS = 3_000;
/** Who goes from box to box writes no address at each: browsers take some hundred in ten seconds. */
const RESTS_MS = 300;
/** What is not seen waits until the image one has just come to is drawn; who only passes by an image takes no lease. */
const AHEAD_MS = 60;
const LEASE_MS = 300;

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
  readonly edit: (number: number, corners: Corners) => void;
  readonly draw: (corners: Corners) => void;
  readonly reclass: (className: string) => void;
  readonly remove: () => void;
  readonly note: (text: string) => void;
  readonly undo: () => void;
  readonly redo: () => void;
}

/** Boxes a person can choose: drawn ones that are deleted are gone for them. */
export const shownBoxes = (image: ImageAnswer) => image.boxes.filter((box) => !(box.deleted && box.drawn_by !== null));

export function useReviewing(): Reviewing {
  const { asked } = useAddress();
  const { outbox, reviewer, tell } = useSession();
  const client = useQueryClient();
  const project = asked.get("project")!;
  const summary = useQuery({ queryKey: ["project", project], queryFn: ({ signal }) => readProject(project, signal) });
  const bucket = asked.get("bucket") ?? summary.data?.buckets.find((one) => one.ready)?.bucket ?? "";
  const question = useMemo(() => {
    const words = new URLSearchParams(asked);
    for (const name of ["image", "box"]) words.delete(name);
    return JSON.stringify(questionOf(words, project, bucket));
  }, [asked, project, bucket]);
  const queue = useQueue(question, asked.get("image"), bucket !== "");
  const { imageId, place } = queue;

  const key = useMemo(() => ["image", project, bucket, imageId], [project, bucket, imageId]);
  // Also an image that is fetched ahead: of it, too, something may wait since before a reload.
  const read = useCallback(
    async (id: string, signal: AbortSignal) =>
      withWaiting(await readImage(project, bucket, id, signal), outbox?.said ?? []),
    [project, bucket, outbox],
  );
  const told = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => read(imageId!, signal),
    enabled: imageId !== null && outbox !== null,
    staleTime: Infinity,
  });
  const image = told.data ?? null;
  const boxes = useMemo(() => (image === null ? [] : shownBoxes(image)), [image]);
  const [chosen, setChosen] = useState<number | null>(null);
  const history = useRef(new History());
  const pace = useRef(new Pace());

  // A new image: the first box nobody has decided is chosen.
  const begun = useRef<string | null>(null);
  useEffect(() => {
    if (image === null || begun.current === image.image_id) return;
    begun.current = image.image_id;
    const wanted = asked.get("box");
    const at = wanted === null ? -1 : boxes.findIndex((box) => box.box_id === wanted);
    setChosen(at >= 0 ? at : nextOpen(boxes, -1));
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

  useEffect(() => {
    if (imageId === null || reviewer === null) return;
    let held = false;
    const hold = () => {
      held = true;
      void lease(project, imageId, reviewer, false).then(
        ({ holder }) => holder !== null && tell(`${holder} is looking at this image too`),
        () => undefined, // advice, and no more
      );
    };
    const first = setTimeout(hold, LEASE_MS);
    const timer = setInterval(hold, 60_000);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      if (held) setTimeout(() => void lease(project, imageId, reviewer, true).catch(() => undefined), LEASE_MS);
    };
  }, [project, imageId, reviewer, tell]);

  useEffect(() => {
    if (place < 0 || outbox === null) return;
    const ahead = () => {
      for (const next of Array.from({ length: AHEAD }, (_, step) => queue.at(place + 1 + step))) {
        if (next === undefined) continue;
        void picture(project, next.image_id).catch(() => undefined);
        void client.prefetchQuery({
          queryKey: ["image", project, bucket, next.image_id],
          queryFn: ({ signal }) => read(next.image_id, signal),
          staleTime: Infinity,
        });
      }
    };
    const timer = setTimeout(ahead, AHEAD_MS);
    return () => clearTimeout(timer);
  }, [client, outbox, read, project, bucket, queue, place]);

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
      else
        void (outbox?.empty(END_WAITS) ?? Promise.reject())
          .then(() => readProject(project))
          .then(
            (told) => tell(atTheEnd(told, bucket)),
            () => tell("This was the last image of the queue."),
          );
    },
    [queue, place, show, tell, outbox, project, bucket],
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
        step.changes.reduce((now, change) => withChange(now, change, reviewer), before),
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
    if (next !== null) setChosen(next);
    else move(1);
  };
  const decideAll = (decision: Decision) => {
    const open = boxes.filter((box) => box.decision === "none" && !box.deleted);
    perform(open.map((box) => ({ kind: "verdict", boxId: box.box_id, before: box.decision, after: decision })));
    move(1);
  };
  const revert = (step: Step | null) => {
    if (step === null) return;
    if (step.imageId !== imageId) {
      begun.current = step.imageId;
      show(step.imageId);
    }
    apply(step);
    const named = step.changes.find((change) => "boxId" in change && change.boxId !== null);
    const boxId = named !== undefined && "boxId" in named ? named.boxId : null;
    const now = client.getQueryData<ImageAnswer>(["image", project, step.bucket, step.imageId]);
    const at = now === undefined ? -1 : shownBoxes(now).findIndex((box) => box.box_id === boxId);
    if (at >= 0) setChosen(at);
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
    chosen: chosen !== null && chosen < boxes.length ? chosen : null,
    choose: setChosen,
    move,
    decide,
    decideAll,
    decideImage: (decision) => {
      if (image !== null && image.decision !== decision)
        perform([{ kind: "image_verdict", before: image.decision, after: decision }]);
    },
    edit: (number, corners) => {
      const box = boxes[number];
      if (box === undefined) return;
      const before = box.found !== null && sameCorners(box.found.corners, box.corners) ? null : box.corners;
      perform([{ kind: "geometry", boxId: box.box_id, before, after: corners }]);
    },
    draw: (corners) => {
      const className = at?.class_name ?? summary.data?.classes[0];
      if (className === undefined) return;
      perform([{ kind: "add", boxId: newBoxId(), className, corners }]);
      setChosen(boxes.length);
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
    undo: () => revert(history.current.undo()),
    redo: () => revert(history.current.redo()),
  };
}

/** What is left to do after the last image of the queue. */
export function atTheEnd(told: ProjectSummary, bucket: string): string {
  const left = (one: ProjectSummary["buckets"][number]) => one.boxes - one.decided;
  const here = told.buckets.find((one) => one.bucket === bucket);
  if (here !== undefined && left(here) > 0) {
    return `This was the last image of the queue. ${left(here)} boxes of ${bucket} are undecided still: see its grid.`;
  }
  const next = told.buckets.find((one) => one.ready && left(one) > 0);
  const way = `\`dlf pipeline --project ${told.name}\``;
  return next === undefined
    ? `All boxes of ${told.name} are decided. ${way}, or Dagster's sensor, brings it into the data set.`
    : `All boxes of ${bucket} are decided. Next: ${next.bucket}, with ${left(next)} undecided.`;
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
