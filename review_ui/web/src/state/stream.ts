/** What others say while one looks: the server tells it, and what is shown is read anew. */

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSession } from "./session";

export interface News {
  readonly kind: "event" | "lease" | "store";
  readonly project?: string;
  readonly bucket?: string;
  readonly message?: string;
  readonly subject?: { readonly image_id: string; readonly reviewer: string | null };
}

/** What of the pages' memory some news make old. */
export function outdated(news: News, reviewer: string | null): ReadonlyArray<readonly unknown[]> {
  // What one has said oneself is shown already; reading it anew could show it as it was before.
  if (news.kind !== "event" || news.subject === undefined || news.subject.reviewer === reviewer) return [];
  return [
    ["image", news.project, news.bucket, news.subject.image_id],
    ["project", news.project],
  ];
}

export function useStream(): void {
  const client: QueryClient = useQueryClient();
  const { outbox, reviewer, tell } = useSession();
  useEffect(() => {
    if (reviewer === null) return;
    const source = new EventSource("/api/stream"); // which connects again by itself
    let wasAway = false;
    const hear = (event: MessageEvent<string>) => {
      const news = JSON.parse(event.data) as News;
      for (const queryKey of outdated(news, reviewer)) void client.invalidateQueries({ queryKey });
      if (news.kind === "store" && news.message !== undefined) tell(news.message);
    };
    for (const kind of ["event", "store"]) source.addEventListener(kind, hear as EventListener);
    source.onerror = () => (wasAway = true);
    source.onopen = () => {
      if (!wasAway) return;
      wasAway = false;
      void outbox?.drain(); // the server is there again: what waits need not wait longer
      // What was said meanwhile nobody has told.
      void client.invalidateQueries({ queryKey: ["image"] });
    };
    return () => source.close();
  }, [client, outbox, reviewer, tell]);
}
