/** The buckets of a project, how far people have come in each, and what leads elsewhere. */

import { useState } from "react";
import type { ProjectSummary } from "../api/types";
import { changedAddress, useAddress } from "../state/address";
import { Link } from "./link";
import { PeopleDialog } from "./people";

export function Buckets({ summary, bucket }: { readonly summary: ProjectSummary; readonly bucket: string }) {
  const { asked } = useAddress();
  const [people, setPeople] = useState(false);
  const shown = summary.buckets.find((one) => one.bucket === bucket);
  return (
    <nav
      aria-label="Buckets"
      className="flex w-60 shrink-0 flex-col gap-4 overflow-y-auto border-r border-(--line) p-3 text-sm"
    >
      <ul className="flex flex-col gap-1">
        {summary.buckets.map((one) => {
          const href = changedAddress("/", new URLSearchParams(), {
            project: asked.get("project"),
            bucket: one.bucket,
          });
          const share = one.boxes === 0 ? 0 : one.decided / one.boxes;
          return (
            <li key={one.bucket}>
              <Link
                to={href}
                aria-current={one.bucket === bucket ? "page" : undefined}
                className={`block rounded px-3 py-2 ${one.bucket === bucket ? "bg-(--raised) font-semibold" : ""}`}
              >
                {one.bucket}
                <span className="block text-xs font-normal text-(--soft)">
                  {!one.ready
                    ? "not labelled yet"
                    : one.images === 0
                      ? "the filter kept no image"
                      : `${one.images} images, ${one.decided} of ${one.boxes} boxes decided`}
                </span>
                {one.boxes > 0 && (
                  <progress className="mt-1 h-1 w-full" value={share} max={1} aria-label={`${one.bucket}: decided`} />
                )}
              </Link>
            </li>
          );
        })}
      </ul>
      <div className="mt-auto flex flex-col gap-2 border-t border-(--line) px-3 pt-3">
        {shown !== undefined && shown.comparable > 0 && (
          <p className="text-xs text-(--soft)">
            {shown.bucket}: the model was overruled in {shown.overruled} of {shown.comparable} boxes
          </p>
        )}
        {shown?.run != null && (
          <a className="text-(--accent) underline" href={shown.run} target="_blank" rel="noreferrer">
            Run in Dagster
          </a>
        )}
        <button
          type="button"
          className="rounded border border-(--line) px-3 py-1.5 text-left"
          onClick={() => setPeople(true)}
        >
          People and agreement
        </button>
      </div>
      {people && <PeopleDialog project={summary.name} onClose={() => setPeople(false)} />}
    </nav>
  );
}
