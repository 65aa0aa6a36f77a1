/**
 * The images that fit a question, in order: pages of them, however many there are. The grid and the canvas share them, so
 * that one goes through the images as one has seen them lie.
 */

import { type QueryClient, queryOptions, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { Refused, readQueue } from "../api/client";
import type { QueueItem, QueuePage } from "../api/types";
import type { Question } from "./question";

export const PAGE = 100;

/** The first page of a question. Its `cursor` names the order, which all further pages are taken from. */
export const firstPage = (client: QueryClient, question: Question) =>
  queryOptions({
    queryKey: ["queue", question],
    queryFn: async ({ signal }) => {
      const page = await readQueue({ ...question, limit: PAGE }, signal);
      client.setQueryData(["queue", question, page.cursor, 0], page);
      return page;
    },
    staleTime: Infinity,
  });

/** A page of an order: that which begins at a place, or that which holds an image. */
export const pageOf = (client: QueryClient, question: Question, cursor: string, where: number | string) =>
  queryOptions({
    queryKey: ["queue", question, cursor, where],
    queryFn: async ({ signal }) => {
      const asked = typeof where === "number" ? { offset: where } : { image: where };
      const page = await readQueue({ ...question, ...asked, cursor, limit: PAGE }, signal);
      if (page.cursor === cursor) return page;
      // The server has forgotten the order and has made another: the two must not be mixed.
      void client.invalidateQueries({ queryKey: ["queue", question], exact: true });
      throw new Refused(410, "order", "The order of the images is read anew.");
    },
    staleTime: Infinity,
  });

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
 * @param question as the server takes it.
 * @param wanted the image that is asked for; null: the first.
 * @param ready whether the question is complete.
 */
export function useQueue(question: Question, wanted: string | null, ready: boolean): Queue {
  const client = useQueryClient();
  const first = useQuery({ ...firstPage(client, question), enabled: ready });
  const cursor = first.data?.cursor ?? "";
  const imageId = wanted ?? first.data?.items[0]?.image_id ?? null;
  const inFirst = first.data === undefined || placeIn([first.data], imageId) >= 0;
  // An image beyond what is known, by a link, by undo or by Back: its page is looked for.
  const found = useQuery({
    ...pageOf(client, question, cursor, imageId ?? ""),
    enabled: imageId !== null && !inFirst,
    placeholderData: (before) => before,
  });
  const known = [first.data, found.data].filter((page) => page !== undefined);
  const near = around(placeIn(known, imageId), first.data?.total ?? 0);
  const missing = near.filter((number) => !known.some((page) => page.offset === number * PAGE));
  const more = useQueries({
    queries: missing.map((number) => ({
      ...pageOf(client, question, cursor, number * PAGE),
      enabled: first.data !== undefined,
    })),
    combine: pagesAndError,
  });
  const error = first.error ?? found.error ?? more.error;
  return useMemo(() => {
    const pages = [...known, ...more.pages];
    return {
      imageId,
      place: placeIn(pages, imageId),
      read: first.data !== undefined,
      total: first.data?.total ?? 0,
      at: (place) => itemAt(pages, place),
      error: error?.message ?? null,
    };
    // `known` is made of these.
  }, [first.data, found.data, more, imageId, error]);
}

function pagesAndError(
  answers: ReadonlyArray<{ readonly data?: QueuePage | undefined; readonly error: Error | null }>,
) {
  return {
    pages: answers.map((answer) => answer.data).filter((page) => page !== undefined),
    error: answers.find((answer) => answer.error !== null)?.error ?? null,
  };
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
