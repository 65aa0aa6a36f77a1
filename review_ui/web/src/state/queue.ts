/** The images that fit, in order: pages of them around the one that is shown, however many there are. */

import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { readQueue } from "../api/client";
import type { QueueItem, QueuePage } from "../api/types";

export const PAGE = 100;

export interface Queue {
  /** The image that is shown: the one that was asked for, else the first. */
  readonly imageId: string | null;
  /** Its place, from 0; −1: it is not among what was asked for, or not found yet. */
  readonly place: number;
  /** Whether it is there: until then nobody knows what comes next. */
  readonly read: boolean;
  readonly total: number;
  readonly at: (place: number) => QueueItem | undefined;
  readonly error: string | null;
}

/**
 * @param question as the server takes it, as JSON.
 * @param wanted the image that is asked for; null: the first.
 * @param ready whether the question is complete.
 */
export function useQueue(question: string, wanted: string | null, ready: boolean): Queue {
  const asked = useMemo(() => JSON.parse(question) as Record<string, string>, [question]);
  const first = useQuery({
    queryKey: ["order", question],
    queryFn: ({ signal }) => readQueue({ ...asked, image: wanted, limit: PAGE }, signal),
    enabled: ready,
    staleTime: Infinity,
  });
  const cursor = first.data?.cursor;
  const imageId = wanted ?? first.data?.items[0]?.image_id ?? null;
  const inFirst = first.data === undefined || placeIn([first.data], imageId) >= 0;
  // An image beyond what is known, by undo or by Back: its page is looked for.
  const found = useQuery({
    queryKey: ["order", question, cursor, imageId],
    queryFn: ({ signal }) => readQueue({ ...asked, cursor, image: imageId, limit: PAGE }, signal),
    enabled: imageId !== null && !inFirst,
    staleTime: Infinity,
    placeholderData: (before) => before,
  });
  const known = [first.data, found.data].filter((page) => page !== undefined);
  const near = known.length === 0 ? [] : around(placeIn(known, imageId), first.data?.total ?? 0);
  const more = useQueries({
    queries: near.map((number) => ({
      queryKey: ["order", question, cursor, number],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        readQueue({ ...asked, cursor, offset: number * PAGE, limit: PAGE }, signal),
      enabled: cursor !== undefined,
      staleTime: Infinity,
    })),
    combine: (answers) => answers.map((answer) => answer.data).filter((page) => page !== undefined),
  });
  return useMemo(() => {
    const pages = [...known, ...more];
    return {
      imageId,
      place: placeIn(pages, imageId),
      read: first.data !== undefined,
      total: first.data?.total ?? 0,
      at: (place) => itemAt(pages, place),
      error: first.error?.message ?? null,
    };
    // `known` is made of these.
  }, [first.data, found.data, more, imageId, first.error]);
}

/** The place of an image on some pages; −1: it is on none of them. */
export function placeIn(pages: readonly QueuePage[], imageId: string | null): number {
  for (const page of pages) {
    const at = page.items.findIndex((item) => item.image_id === imageId);
    if (at >= 0) return page.offset + at;
  }
  return -1;
}

export function itemAt(pages: readonly QueuePage[], place: number): QueueItem | undefined {
  const page = pages.find((one) => place >= one.offset && place < one.offset + one.items.length);
  return page?.items[place - page.offset];
}

/** Numbers of the pages around a place: its own and both beside it. */
export function around(place: number, total: number): number[] {
  const own = Math.floor(Math.max(place, 0) / PAGE);
  return [own - 1, own, own + 1].filter((number) => number >= 0 && number * PAGE < total);
}
