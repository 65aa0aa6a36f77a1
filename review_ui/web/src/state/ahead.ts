/** What is done while one looks at an image: others are told that somebody is there, and the next images are fetched. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { lease } from "../api/client";
import { picture } from "../canvas/pictures";
import type { ImageQuery } from "./image";
import type { Queue } from "./queue";
import { useSession } from "./session";

const AHEAD = 2;
/** What is not seen waits until the image one has just come to is drawn; who only passes by an image takes no lease. */
const AHEAD_MS = 60;
const LEASE_MS = 300;

/** Tell the server that somebody looks at an image, and the person who else does. */
export function useLease(project: string, imageId: string | null): void {
  const { reviewer, tell } = useSession();
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
}

/** Fetch what comes after the image one is at. */
export function useAhead(project: string, bucket: string, queue: Queue, imageQuery: ImageQuery): void {
  const client = useQueryClient();
  const { place } = queue;
  useEffect(() => {
    if (place < 0) return;
    const ahead = () => {
      for (const next of Array.from({ length: AHEAD }, (_, step) => queue.at(place + 1 + step))) {
        if (next === undefined) continue;
        void picture(project, next.image_id).catch(() => undefined);
        void client.prefetchQuery(imageQuery(bucket, next.image_id));
      }
    };
    const timer = setTimeout(ahead, AHEAD_MS);
    return () => clearTimeout(timer);
  }, [client, imageQuery, project, bucket, queue, place]);
}
