/** The buckets of a project: where one begins, and what is left. */

import type { ProjectSummary } from "../api/types";

type Bucket = ProjectSummary["buckets"][number];

/** The first bucket that has something to look at. */
export const firstBucket = (project: ProjectSummary | undefined): string | null =>
  project?.buckets.find((one) => one.ready && one.images > 0)?.bucket ?? null;

/** What is left to do after the last image of the queue. */
export function atTheEnd(told: ProjectSummary, bucket: string): string {
  const left = (one: Bucket) => one.boxes - one.decided;
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
