/** The images that fit, small. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { thumbOf } from "../api/client";
import { changedAddress, useAddress } from "../state/address";
import { type Question, questionOf } from "../state/question";
import { PAGE, firstPage, pageOf } from "../state/queue";
import { Link } from "./link";
import { Message } from "./message";
import { useRush } from "./rush";

const TILE = 196;
const HEIGHT = 220;

export function Tiles({ project, bucket }: { readonly project: string; readonly bucket: string }) {
  const { asked } = useAddress();
  const question = useMemo(() => questionOf(asked, project, bucket), [asked, project, bucket]);
  const client = useQueryClient();
  const first = useQuery({ ...firstPage(client, question), refetchOnMount: "always" });
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
  // Enter begins: who reviews by keyboard need not go through all filters first.
  const start = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (first.isSuccess && document.activeElement === document.body) start.current?.focus();
  }, [first.isSuccess]);
  if (first.isPending) return <Message title="Reading the images …" text={first.failureReason?.message} />;
  if (first.isError) return <Message title="The images cannot be shown" text={first.error.message} />;
  const begin = changedAddress("/canvas", asked, { bucket });
  return (
    <>
      <p className="flex items-center gap-4 px-4 py-2 text-sm">
        <span>
          {total} images, {first.data.boxes} boxes, {first.data.undecided} undecided
        </span>
        {total > 0 && (
          <Link to={begin} ref={start} className="rounded bg-(--accent) px-4 py-1.5 font-semibold text-(--ground)">
            Start reviewing
          </Link>
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
  readonly question: Question;
  readonly cursor: string;
  readonly total: number;
  readonly rushing: boolean;
}

/** Some images beside each other. A row that only flies by asks the server for nothing. */
const Row = memo(function Row({ number, top, columns, question, cursor, total, rushing }: RowProps) {
  const [seen, setSeen] = useState(!rushing);
  if (!seen && !rushing) setSeen(true);
  const places = Array.from({ length: columns }, (_, column) => number * columns + column).filter(
    (place) => place < total,
  );
  return (
    <div className="absolute left-0 flex w-full" style={{ transform: `translateY(${top}px)`, height: HEIGHT }}>
      {places.map((place) =>
        seen ? <Tile key={place} place={place} question={question} cursor={cursor} /> : <Blank key={place} />,
      )}
    </div>
  );
});

function Blank() {
  return <div className="m-1 rounded bg-(--raised)" style={{ width: TILE - 8, height: HEIGHT - 8 }} />;
}

function Tile({
  place,
  question,
  cursor,
}: {
  readonly place: number;
  readonly question: Question;
  readonly cursor: string;
}) {
  const { asked } = useAddress();
  const offset = Math.floor(place / PAGE) * PAGE;
  const client = useQueryClient();
  const page = useQuery(pageOf(client, question, cursor, offset));
  const item = page.data?.items[place - offset];
  if (item === undefined) return <Blank />;
  const href = changedAddress("/canvas", asked, { bucket: question.bucket ?? null, image: item.image_id });
  const state =
    item.decision === "none"
      ? item.undecided === 0 && item.boxes > 0
        ? "✓ decided"
        : `${item.undecided} to decide`
      : `image ${item.decision}`;
  return (
    <Link
      to={href}
      aria-label={`${item.title}, ${state}`}
      className="m-1 flex flex-col overflow-hidden rounded border border-(--line) bg-(--raised) text-xs"
      style={{ width: TILE - 8, height: HEIGHT - 8 }}
    >
      <img
        src={thumbOf(question.project!, item.image_id)}
        alt={item.title}
        loading="lazy"
        className="min-h-0 w-full grow object-contain"
      />
      <span className="flex items-center gap-2 px-2 py-1">
        <span className="grow truncate">{item.title}</span>
        <span className="shrink-0">{state}</span>
      </span>
    </Link>
  );
}
