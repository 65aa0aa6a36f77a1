/** Where the page is: all that matters stands in the address, so that Back, reload and a link to a colleague work. */

import { useMemo, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export interface Address {
  readonly path: string;
  readonly asked: URLSearchParams;
}

export function useAddress(): Address {
  const href = useSyncExternalStore(subscribe, () => window.location.pathname + window.location.search);
  return useMemo(() => {
    const [path = "/", query = ""] = href.split("?", 2);
    return { path, asked: new URLSearchParams(query) };
  }, [href]);
}

/** The address with some words changed; null takes one out. */
export function changedAddress(
  path: string,
  asked: URLSearchParams,
  changes: Readonly<Record<string, string | null>>,
): string {
  const next = new URLSearchParams(asked);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const query = next.toString();
  return query === "" ? path : `${path}?${query}`;
}

/** Go there. What is only the next box or image replaces the place one was at: Back leads out of the canvas. */
export function go(href: string, how: "push" | "replace" = "push"): void {
  if (how === "push") window.history.pushState(null, "", href);
  else window.history.replaceState(null, "", href);
  for (const listener of [...listeners]) listener();
}
