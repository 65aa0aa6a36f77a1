/** What of a bucket is shown; all of it stands in the address. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { readFacets } from "../api/client";
import { changedAddress, go, useAddress } from "../state/address";

const IMAGE_DECISIONS = { approved: null, rejected: null, none: null };
const FIELD = "rounded border border-(--line) bg-(--ground) px-2 py-1";

export function Filters({ project, bucket }: { readonly project: string; readonly bucket: string }) {
  const { asked } = useAddress();
  const facets = useQuery({
    queryKey: ["facets", project, bucket],
    queryFn: ({ signal }) => readFacets(project, bucket, signal),
    staleTime: 0,
  });
  const searched = asked.get("search") ?? "";
  const [search, setSearch] = useState(searched);
  useEffect(() => setSearch(searched), [searched]);
  const set = (name: string, value: string) => go(changedAddress("/", asked, { [name]: value }));
  const choice = (name: string, title: string, counts: Readonly<Record<string, number | null>> | undefined) => (
    <label className="flex items-center gap-2">
      <span className="text-(--soft)">{title}</span>
      <select
        aria-label={title}
        className={FIELD}
        value={asked.get(name) ?? ""}
        onChange={(event) => set(name, event.target.value)}
      >
        <option value="">all</option>
        {Object.entries(counts ?? {}).map(([word, count]) => (
          <option key={word} value={word}>
            {word === "none" ? "undecided" : word}
            {count === null ? "" : ` (${count})`}
          </option>
        ))}
      </select>
    </label>
  );
  const score = (name: string, title: string) => (
    <input
      key={`${name} ${asked.get(name)}`}
      type="number"
      min={0}
      max={1}
      step="any"
      aria-label={title}
      className={`${FIELD} w-18`}
      defaultValue={asked.get(name) ?? ""}
      onBlur={(event) => {
        const { value } = event.target;
        if (event.target.reportValidity() && value !== (asked.get(name) ?? "")) set(name, value);
      }}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
  return (
    <div
      role="search"
      aria-label="Filters"
      className="flex flex-wrap items-center gap-4 border-b border-(--line) px-4 py-2 text-sm"
    >
      {choice("class_name", "Class", facets.data?.classes)}
      {choice("query", "Asked for", facets.data?.queries)}
      {choice("verdict", "Model says", facets.data?.verdicts)}
      {choice("decision", "Decided", facets.data?.decisions)}
      {choice("image_decision", "Whole image", IMAGE_DECISIONS)}
      <span className="flex items-center gap-2" role="group" aria-label="Score of the detector">
        <span className="text-(--soft)">Score</span>
        {score("least_score", "least score")}–{score("most_score", "most score")}
      </span>
      <label className="flex items-center gap-2">
        <span className="text-(--soft)">Order</span>
        <select
          className={FIELD}
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
        onKeyDown={(event) => event.key === "Enter" && set("search", search)}
        className={FIELD}
      />
    </div>
  );
}
