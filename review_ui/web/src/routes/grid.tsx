/** The images of a bucket, small: what there is, what is decided, where to begin. */

import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { readFacets, readProject, readQueue, thumbOf } from "../api/client";
import type { ProjectSummary, QueueItem } from "../api/types";
import { STYLES } from "../canvas/styles";
import { changedAddress, go, useAddress } from "../state/address";
import { questionOf } from "../state/question";
import { Message } from "./message";
import { PeopleDialog } from "./people";
import { useRush } from "./rush";

const PAGE = 100;
const TILE = 196;
const HEIGHT = 220;

export function GridRoute() {
  const { asked } = useAddress();
  const project = asked.get("project")!;
  const summary = useQuery({ queryKey: ["project", project], queryFn: ({ signal }) => readProject(project, signal) });
  const first = summary.data?.buckets.find((bucket) => bucket.ready && bucket.images > 0)?.bucket ?? null;
  const bucket = asked.get("bucket") ?? first;
  useEffect(() => {
    if (asked.get("bucket") === null && first !== null) go(changedAddress("/", asked, { bucket: first }), "replace");
  }, [asked, first]);
  if (summary.isPending) return <Message title="Reading the project …" />;
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

function Buckets({ summary, bucket }: { readonly summary: ProjectSummary; readonly bucket: string }) {
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
              <a
                href={href}
                aria-current={one.bucket === bucket ? "page" : undefined}
                className={`block rounded px-3 py-2 ${one.bucket === bucket ? "bg-(--raised) font-semibold" : ""}`}
                onClick={(event) => {
                  event.preventDefault();
                  go(href);
                }}
              >
                {one.bucket}
                <span className="block text-xs font-normal text-(--soft)">
                  {one.ready
                    ? `${one.images} images, ${one.decided} of ${one.boxes} boxes decided`
                    : "not labelled yet"}
                </span>
                {one.ready && (
                  <progress className="mt-1 h-1 w-full" value={share} max={1} aria-label={`${one.bucket}: decided`} />
                )}
              </a>
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

function Filters({ project, bucket }: { readonly project: string; readonly bucket: string }) {
  const { asked } = useAddress();
  const facets = useQuery({
    queryKey: ["facets", project, bucket],
    queryFn: ({ signal }) => readFacets(project, bucket, signal),
  });
  const searched = asked.get("search") ?? "";
  const [search, setSearch] = useState(searched);
  useEffect(() => setSearch(searched), [searched]);
  const set = (name: string, value: string) => go(changedAddress("/", asked, { [name]: value }));
  const choice = (name: string, title: string, counts: Readonly<Record<string, number>> | undefined) => (
    <label className="flex items-center gap-2">
      <span className="text-(--soft)">{title}</span>
      <select
        className="rounded border border-(--line) bg-(--ground) px-2 py-1"
        value={asked.get(name) ?? ""}
        onChange={(event) => set(name, event.target.value)}
      >
        <option value="">all</option>
        {Object.entries(counts ?? {}).map(([word, count]) => (
          <option key={word} value={word}>
            {word === "none" ? "undecided" : word} ({count})
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <form
      className="flex flex-wrap items-center gap-4 border-b border-(--line) px-4 py-2 text-sm"
      onSubmit={(event) => {
        event.preventDefault();
        set("search", search);
      }}
    >
      {choice("class_name", "Class", facets.data?.classes)}
      {choice("verdict", "Model says", facets.data?.verdicts)}
      {choice("decision", "Decided", facets.data?.decisions)}
      <label className="flex items-center gap-2">
        <span className="text-(--soft)">Order</span>
        <select
          className="rounded border border-(--line) bg-(--ground) px-2 py-1"
          value={asked.get("order") ?? "doubt"}
          onChange={(event) => set("order", event.target.value)}
        >
          <option value="doubt">most uncertain first</option>
          <option value="found">as found</option>
          <option value="boxes">most boxes first</option>
        </select>
      </label>
      <input
        type="search"
        aria-label="Search by title or address"
        placeholder="Search"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        className="rounded border border-(--line) bg-(--ground) px-2 py-1"
      />
    </form>
  );
}

function Tiles({ project, bucket }: { readonly project: string; readonly bucket: string }) {
  const { asked } = useAddress();
  const question = useMemo(() => questionOf(asked, project, bucket), [asked, project, bucket]);
  const first = useQuery({
    queryKey: ["queue", question],
    queryFn: ({ signal }) => readQueue({ ...question, limit: PAGE }, signal),
    staleTime: 0,
  });
  const frame = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(5);
  useEffect(() => {
    const at = frame.current;
    if (at === null) return;
    const watch = new ResizeObserver(() => setColumns(Math.max(1, Math.floor((at.clientWidth - 16) / TILE))));
    watch.observe(at);
    return () => watch.disconnect();
  }, [first.isPending]);
  const total = first.data?.total ?? 0;
  const rows = useVirtualizer({
    count: Math.ceil(total / columns),
    getScrollElement: () => frame.current,
    estimateSize: () => HEIGHT,
    overscan: 2,
  });
  const rushing = useRush(frame, first.isSuccess);
  if (first.isPending) return <Message title="Reading the images …" />;
  if (first.isError) return <Message title="The images cannot be shown" text={first.error.message} />;
  const begin = changedAddress("/canvas", asked, { bucket });
  return (
    <>
      <p className="flex items-center gap-4 px-4 py-2 text-sm">
        <span>
          {total} images, {first.data.boxes} boxes, {first.data.undecided} undecided
        </span>
        {total > 0 && (
          <a
            href={begin}
            className="rounded bg-(--accent) px-4 py-1.5 font-semibold text-(--ground)"
            onClick={(event) => {
              event.preventDefault();
              go(begin);
            }}
          >
            Start reviewing
          </a>
        )}
      </p>
      {total === 0 && <Message title="No image fits" text="Choose other filters above." />}
      <div
        ref={frame}
        className="min-h-0 grow overflow-y-auto px-2"
        tabIndex={0}
        aria-label="Images of the bucket"
        role="group"
      >
        <div className="relative w-full" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => (
            <Row
              key={row.key}
              number={row.index}
              top={row.start}
              columns={columns}
              question={question}
              cursor={first.data.cursor}
              total={total}
              rushing={rushing}
            />
          ))}
        </div>
      </div>
    </>
  );
}

interface RowProps {
  readonly number: number;
  readonly top: number;
  readonly columns: number;
  readonly question: Readonly<Record<string, string>>;
  readonly cursor: string;
  readonly total: number;
  readonly rushing: boolean;
}

function Row({ number, top, columns, question, cursor, total, rushing }: RowProps) {
  const places = Array.from({ length: columns }, (_, column) => number * columns + column).filter(
    (place) => place < total,
  );
  return (
    <div className="absolute left-0 flex w-full" style={{ transform: `translateY(${top}px)`, height: HEIGHT }}>
      {places.map((place) => (
        <Tile key={place} place={place} question={question} cursor={cursor} rushing={rushing} />
      ))}
    </div>
  );
}

function Tile({
  place,
  question,
  cursor,
  rushing,
}: {
  readonly place: number;
  readonly question: Readonly<Record<string, string>>;
  readonly cursor: string;
  readonly rushing: boolean;
}) {
  const { asked } = useAddress();
  const [seen, setSeen] = useState(!rushing);
  if (!seen && !rushing) setSeen(true);
  const offset = Math.floor(place / PAGE) * PAGE;
  const page = useQuery({
    queryKey: ["queue", question, cursor, offset],
    queryFn: ({ signal }) => readQueue({ ...question, cursor, offset, limit: PAGE }, signal),
    enabled: seen,
  });
  const item: QueueItem | undefined = page.data?.items[place - offset];
  if (item === undefined || !seen)
    return <div className="m-1 animate-pulse rounded bg-(--raised)" style={{ width: TILE - 8, height: HEIGHT - 8 }} />;
  const href = changedAddress("/canvas", asked, { bucket: question.bucket ?? null, image: item.image_id });
  const state =
    item.decision === "none"
      ? item.undecided === 0 && item.boxes > 0
        ? "decided"
        : `${item.undecided} to decide`
      : `image ${item.decision}`;
  return (
    <a
      href={href}
      className="m-1 flex flex-col overflow-hidden rounded border border-(--line) bg-(--raised) text-xs"
      style={{ width: TILE - 8, height: HEIGHT - 8 }}
      onClick={(event) => {
        event.preventDefault();
        go(href);
      }}
    >
      <img
        src={thumbOf(question.project!, item.image_id)}
        alt={item.title}
        loading="lazy"
        className="min-h-0 w-full grow object-contain"
      />
      <span className="flex items-center gap-2 px-2 py-1">
        <span className="grow truncate">{item.title}</span>
        <span
          className="shrink-0"
          style={item.undecided === 0 && item.boxes > 0 ? { color: STYLES.approved.colour } : {}}
        >
          {state}
        </span>
      </span>
    </a>
  );
}
