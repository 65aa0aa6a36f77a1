/** A camera or a video, with the boxes a server draws on it: whether a query finds what is meant, before any data set. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { look, readLive, referenceOf } from "../api/client";
import { Asking } from "../live/asking";
import { type Eye, frameOf, openCamera, openFile } from "../live/eye";
import { LivePicture } from "../live/picture";
import { type Track, Tracker, titleOf } from "../live/tracker";
import { changedAddress, go, useAddress } from "../state/address";
import { BUTTON } from "./dialog";

interface Told {
  readonly frames: number;
  readonly ms: number;
  readonly serverMs: number;
}

export function LiveRoute() {
  const { asked } = useAddress();
  const query = asked.get("query") ?? "";
  const server = useQuery({ queryKey: ["live"], queryFn: ({ signal }) => readLive(signal) });
  const [eye, setEye] = useState<Eye | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [tracks, setTracks] = useState<readonly Track[]>([]);
  const [told, setTold] = useState<Told | null>(null);
  /** Counts what was opened: a camera that is allowed after something else was chosen is let go at once. */
  const turn = useRef(0);

  const open = (opening: Promise<Eye>) => {
    const mine = ++turn.current;
    setEye(null);
    setProblem(null);
    opening.then(
      (made) => (mine === turn.current ? setEye(made) : made.close()),
      (error: Error) => mine === turn.current && setProblem(error.message),
    );
  };
  useEffect(() => () => void turn.current++, []);
  useEffect(() => () => eye?.close(), [eye]);

  useEffect(() => {
    setTracks([]);
    setTold(null);
    setProblem(null);
    if (eye === null || query === "") return;
    const tracker = new Tracker();
    let frames = 0;
    const asking = new Asking(
      async (signal) => {
        const frame = document.hidden ? null : await frameOf(eye.video);
        return frame === null ? null : look(query, frame, signal);
      },
      {
        heard: ({ boxes, seconds }, ms) => {
          frames += 1;
          setProblem(null);
          setTracks(tracker.update(boxes));
          setTold({ frames, ms, serverMs: seconds * 1000 });
        },
        failed: (error, pause) => {
          const why = error instanceof Error ? error.message : String(error);
          setProblem(`${why.replace(/\.$/, "")}. Asked again in ${Math.round(pause / 1000)} s.`);
        },
      },
    );
    void asking.go();
    return () => asking.end();
  }, [eye, query]);

  return (
    <div className="flex h-full">
      <section className="flex min-w-0 grow flex-col" aria-label="Camera">
        <div className="flex flex-wrap items-center gap-3 border-b border-(--line) px-4 py-2 text-sm">
          <Query key={query} query={query} />
          <button type="button" className={BUTTON} onClick={() => open(openCamera())}>
            Camera
          </button>
          <label className={`${BUTTON} cursor-pointer focus-within:outline-3 focus-within:outline-(--accent)`}>
            Video file …
            <input
              type="file"
              accept="video/*"
              className="sr-only"
              onChange={(event) => {
                const file = event.target.files?.[0];
                if (file !== undefined) open(openFile(file));
                event.target.value = ""; // the same file may be chosen again
              }}
            />
          </label>
          <button type="button" className={BUTTON} disabled={eye === null} onClick={() => setEye(null)}>
            Stop
          </button>
        </div>
        {problem !== null && (
          <p role="alert" className="border-b border-(--line) bg-(--raised) px-4 py-2 text-sm">
            {problem}
          </p>
        )}
        <div className="relative min-h-0 grow bg-(--raised)">
          {eye === null ? (
            <p className="mx-auto mt-24 max-w-md p-6 text-center text-(--soft)">
              Type what to look for, then choose the camera or a video file. Frames go to{" "}
              {server.data?.address ?? "the server at FALCON_URL"} and are kept nowhere.
            </p>
          ) : (
            <LivePicture eye={eye} tracks={tracks} />
          )}
        </div>
      </section>
      <aside
        className="flex w-72 shrink-0 flex-col gap-4 overflow-y-auto border-l border-(--line) p-4 text-sm"
        aria-label="What is seen"
      >
        <Facts told={told} waiting={eye !== null && query !== "" && problem === null} />
        <ul aria-label="Tracks" className="flex flex-col gap-3">
          {tracks.map((track) => (
            <li key={track.number} className={track.unseen > 0 ? "text-(--soft)" : ""}>
              <p>
                <strong>{titleOf(track)}</strong>{" "}
                {track.unseen > 0
                  ? "not seen just now"
                  : `in ${track.frames} ${track.frames === 1 ? "frame" : "frames"}`}
                {track.confident === false && ", not certain"}
              </p>
              {track.reference !== null && (
                <img
                  src={referenceOf(track.reference)}
                  alt={`what ${track.name ?? "it"} looks like`}
                  className="mt-1 max-h-40 rounded border border-(--line)"
                />
              )}
            </li>
          ))}
        </ul>
      </aside>
    </div>
  );
}

function Query({ query }: { readonly query: string }) {
  const { asked } = useAddress();
  const [text, setText] = useState(query);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go(changedAddress("/canvas/live", asked, { query: text.trim() }), "replace");
  };
  return (
    <form onSubmit={submit} className="flex items-center gap-2">
      <label htmlFor="query" className="text-(--soft)">
        Look for
      </label>
      <input
        id="query"
        maxLength={400}
        placeholder="red car"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={submit}
        className="rounded border border-(--line) bg-(--ground) px-2 py-1"
      />
    </form>
  );
}

function Facts({ told, waiting }: { readonly told: Told | null; readonly waiting: boolean }) {
  if (told === null)
    return <p className="text-(--soft)">{waiting ? "Waiting for the first answer …" : "Nothing yet."}</p>;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1">
      <dt className="text-(--soft)">latency</dt>
      <dd>
        {Math.round(told.ms)} ms, {Math.round(told.serverMs)} of them the server's
      </dd>
      <dt className="text-(--soft)">frames</dt>
      <dd>{told.frames}</dd>
    </dl>
  );
}
