/** An image with its boxes, as the server tells it and with what was said here since laid over it. */

import { queryOptions } from "@tanstack/react-query";
import { useCallback } from "react";
import { readImage } from "../api/client";
import type { ImageAnswer, Operation } from "../api/types";
import { useSession } from "./session";
import { withWaiting } from "./waiting";

const queryOf = (project: string, bucket: string, imageId: string, said: () => readonly Operation[]) =>
  queryOptions({
    queryKey: ["image", project, bucket, imageId],
    queryFn: async ({ signal }) => withWaiting(await readImage(project, bucket, imageId, signal), said()),
    staleTime: Infinity,
  });

/** How an image of a bucket is asked for. Also of one that is fetched ahead something may wait since before a reload. */
export type ImageQuery = (bucket: string, imageId: string) => ReturnType<typeof queryOf>;

export function useImageQuery(project: string): ImageQuery {
  const { outbox } = useSession();
  return useCallback(
    (bucket, imageId) => queryOf(project, bucket, imageId, () => outbox?.said ?? []),
    [project, outbox],
  );
}

/** Boxes a person can choose: drawn ones that are deleted are gone for them. */
export const shownBoxes = (image: ImageAnswer) => image.boxes.filter((box) => !(box.deleted && box.drawn_by !== null));
