/** The images of a bucket, small: what there is, what is decided, where to begin. */

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { readProject } from "../api/client";
import { changedAddress, go, useAddress } from "../state/address";
import { firstBucket } from "../state/buckets";
import { Buckets } from "./buckets";
import { Filters } from "./filters";
import { Message } from "./message";
import { Tiles } from "./tiles";

export function GridRoute() {
  const { asked } = useAddress();
  const project = asked.get("project")!;
  const summary = useQuery({
    queryKey: ["project", project],
    queryFn: ({ signal }) => readProject(project, signal),
    // Who comes back from the canvas has decided something.
    staleTime: 0,
  });
  const first = firstBucket(summary.data);
  const bucket = asked.get("bucket") ?? first;
  useEffect(() => {
    if (asked.get("bucket") === null && first !== null) go(changedAddress("/", asked, { bucket: first }), "replace");
  }, [asked, first]);
  if (summary.isPending) return <Message title="Reading the project …" text={summary.failureReason?.message} />;
  if (summary.isError) return <Message title="The project cannot be shown" text={summary.error.message} />;
  if (bucket === null) {
    return (
      <Message
        title="Nothing to review yet"
        text={`Run \`dlf pipeline --project ${project}\`, then reload this page.`}
      />
    );
  }
  return (
    <div className="flex h-full">
      <Buckets summary={summary.data} bucket={bucket} />
      <section className="flex min-w-0 grow flex-col" aria-label="Images">
        <Filters project={project} bucket={bucket} />
        <Tiles key={`${bucket}?${asked}`} project={project} bucket={bucket} />
      </section>
    </div>
  );
}
