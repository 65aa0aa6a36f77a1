/** Which route is shown, and what stands above each: name, state of saving, notices. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { readProjects } from "../api/client";
import { changedAddress, useAddress } from "../state/address";
import { rememberReviewer } from "../state/reviewer";
import { useHappening, useSession } from "../state/session";
import { useStream } from "../state/stream";
import { CanvasRoute } from "./canvas";
import { Conflicts } from "./conflicts";
import { GridRoute } from "./grid";
import { Link } from "./link";
import { LiveRoute } from "./live";
import { Message } from "./message";

export function Page() {
  const { path, asked } = useAddress();
  const { reviewer } = useSession();
  useStream();
  const project = asked.get("project");
  return (
    <div className="flex h-dvh flex-col">
      <Bar project={project} />
      <NoticeBar />
      <Conflicts />
      <main className="min-h-0 grow">
        {path === "/canvas/live" ? (
          <LiveRoute />
        ) : reviewer === null ? (
          <AskName />
        ) : project === null ? (
          <ChooseProject />
        ) : path === "/canvas" ? (
          <CanvasRoute />
        ) : (
          <GridRoute />
        )}
      </main>
    </div>
  );
}

/** What was told; what does not last goes when something else is looked at. */
function NoticeBar() {
  const { path, asked } = useAddress();
  const { tell } = useSession();
  const { notice } = useHappening();
  const place = `${path} ${asked.get("project")} ${asked.get("bucket")} ${asked.get("image")}`;
  const lasting = useRef(false);
  lasting.current = notice?.lasting ?? false;
  useEffect(() => {
    if (!lasting.current) tell(null);
  }, [place, tell]);
  if (notice === null) return null;
  return (
    <div role="alert" className="flex items-center gap-3 border-b border-(--line) bg-(--raised) px-4 py-2">
      <span className="grow">{notice.text}</span>
      <button type="button" className="rounded border border-(--line) px-3 py-1" onClick={() => tell(null)}>
        Close
      </button>
    </div>
  );
}

function Bar({ project }: { readonly project: string | null }) {
  const { path, asked } = useAddress();
  const { reviewer } = useSession();
  // What is looked for on the live page is no filter of the grid.
  const grid =
    path === "/canvas/live"
      ? changedAddress("/", new URLSearchParams(), { project })
      : changedAddress("/", asked, { image: null, box: null });
  return (
    <header className="flex h-11 shrink-0 items-center gap-4 border-b border-(--line) bg-(--raised) px-4 text-sm">
      {path === "/" ? (
        <h1 className="font-semibold">{project ?? "Review"}</h1>
      ) : (
        <Link to={grid} className="font-semibold text-(--accent) underline">
          {project ?? "Review"}
        </Link>
      )}
      <span className="grow text-(--soft)">{asked.get("bucket") ?? ""}</span>
      <SavingState />
      {path !== "/canvas/live" && (
        <Link
          to={changedAddress("/canvas/live", new URLSearchParams(), { project })}
          className="text-(--accent) underline"
        >
          Live
        </Link>
      )}
      {reviewer !== null && <span className="text-(--soft)">{reviewer}</span>}
    </header>
  );
}

function SavingState() {
  const { waiting, hindrance, any } = useHappening().saving;
  const kept = any ? "all saved" : "";
  const text =
    waiting === 0 ? kept : hindrance === null ? `saving ${waiting} …` : `${waiting} waiting, nothing is lost`;
  const isHeld = waiting > 0 && hindrance !== null;
  return (
    <output aria-live="polite" className={isHeld ? "font-semibold" : "text-(--soft)"}>
      {isHeld ? `${text}: ${hindrance}` : text}
    </output>
  );
}

function AskName() {
  const { setReviewer } = useSession();
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    setReviewer(rememberReviewer(name));
  };
  return (
    <form onSubmit={submit} className="mx-auto mt-24 flex max-w-md flex-col gap-4 p-6">
      <label htmlFor="reviewer" className="text-lg font-semibold">
        Who is reviewing?
      </label>
      <p className="text-(--soft)">
        Your name stands beside every decision you make. It is asked once in this browser.
      </p>
      <input
        id="reviewer"
        autoFocus
        autoComplete="name"
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.target.value)}
        className="rounded border border-(--line) bg-(--ground) px-3 py-2"
      />
      <button
        type="submit"
        disabled={name.trim() === ""}
        className="rounded bg-(--accent) px-4 py-2 font-semibold text-(--ground) disabled:opacity-50"
      >
        Start
      </button>
    </form>
  );
}

function ChooseProject() {
  const projects = useQuery({ queryKey: ["projects"], queryFn: ({ signal }) => readProjects(signal) });
  if (projects.isPending) return <Message title="Looking for projects …" />;
  if (projects.isError) return <Message title="The projects cannot be read" text={projects.error.message} />;
  return (
    <nav aria-label="Projects" className="mx-auto mt-16 max-w-md p-6">
      <h2 className="mb-4 text-lg font-semibold">Which project?</h2>
      <ul className="flex flex-col gap-2">
        {projects.data.projects.map((name) => (
          <li key={name}>
            <Link
              className="text-(--accent) underline"
              to={changedAddress("/", new URLSearchParams(), { project: name })}
            >
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
