/** Who has decided how much and how fast, how two people agree, and how often the model is overruled. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { readPeople } from "../api/client";
import { Dialog } from "./dialog";

export function PeopleDialog({ project, onClose }: { readonly project: string; readonly onClose: () => void }) {
  const told = useQuery({
    queryKey: ["people", project],
    queryFn: ({ signal }) => readPeople(project, signal),
    staleTime: 0,
  });
  const percent = (part: number, whole: number) => (whole === 0 ? "–" : `${Math.round((100 * part) / whole)} %`);
  return (
    <Dialog title="People and the model" width="w-full max-w-3xl" onClose={onClose}>
      {told.isPending && <p>Reading what was said …</p>}
      {told.isError && <p role="alert">{told.error.message}</p>}
      {told.data !== undefined && (
        <div className="flex flex-col gap-6 text-sm">
          <Table
            title="How far people have come"
            heads={["name", "decisions", "minutes", "a minute"]}
            rows={told.data.reviewers.map((one) => [
              one.reviewer,
              one.decisions,
              one.minutes.toFixed(1),
              one.a_minute?.toFixed(0) ?? "–",
            ])}
            empty="Nobody has decided a box yet."
          />
          <Table
            title="How two people agree"
            heads={["", "boxes", "alike", "Cohen's kappa", "both moved", "overlap (IoU)"]}
            rows={told.data.pairs.map((one) => [
              `${one.first} and ${one.second}`,
              one.boxes,
              percent(one.same, one.boxes),
              one.kappa?.toFixed(2) ?? "–",
              one.edited,
              one.edit_iou?.toFixed(2) ?? "–",
            ])}
            empty="No two people have decided the same box."
          />
          <Table
            title="How often the model is overruled"
            heads={["query", "decided", "overruled", "share"]}
            rows={told.data.queries.map((one) => [
              one.query,
              one.boxes,
              one.overruled,
              percent(one.overruled, one.boxes),
            ])}
            empty="Nobody has decided a box that the model said YES or NO to."
          />
        </div>
      )}
    </Dialog>
  );
}

interface TableProps {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: ReadonlyArray<readonly ReactNode[]>;
  readonly empty: string;
}

function Table({ title, heads, rows, empty }: TableProps) {
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      {rows.length === 0 ? (
        <p className="text-(--soft)">{empty}</p>
      ) : (
        <table className="w-full">
          <thead>
            <tr>
              {heads.map((head, number) => (
                <th
                  key={head}
                  scope="col"
                  className={`font-normal text-(--soft) ${number === 0 ? "text-left" : "text-right"}`}
                >
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, line) => (
              <tr key={line} className="border-t border-(--line)">
                {row.map((cell, number) => (
                  <td key={heads[number]} className={number === 0 ? "py-1 text-left" : "py-1 text-right tabular-nums"}>
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
