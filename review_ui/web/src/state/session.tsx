/** What all routes share: the queue of what was said, how much of it waits, conflicts, and who is there. */

import { type ReactNode, createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { say } from "../api/client";
import { type Conflict, Outbox } from "./outbox";
import { reviewerName } from "./reviewer";
import { openShelf } from "./shelf";
import { subjectOf } from "./subject";

/** Of two things somebody said of one box, the later one counts: of it alone they are asked. */
const isOutdone = ({ op }: Conflict, { op: later }: Conflict) =>
  subjectOf(op) === subjectOf(later) && op.kind === later.kind;

export interface Session {
  readonly outbox: Outbox | null;
  readonly reviewer: string | null;
  readonly setReviewer: (name: string) => void;
  /** Operations that are not answered yet, and whether the server cannot be reached. */
  readonly waiting: number;
  readonly offline: boolean;
  readonly saved: number;
  readonly conflicts: readonly Conflict[];
  readonly settle: (conflict: Conflict) => void;
  /** A sentence for everybody, also for those who hear the page. */
  readonly notice: Notice | null;
  /** One that does not last goes when something else is looked at. */
  readonly tell: (text: string | null, lasting?: boolean) => void;
}

export interface Notice {
  readonly text: string;
  readonly lasting: boolean;
}

const Shared = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(Shared);
  if (session === null) throw new Error("outside of the session");
  return session;
}

export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const [outbox, setOutbox] = useState<Outbox | null>(null);
  const [reviewer, setReviewer] = useState(reviewerName);
  const [{ waiting, offline }, setState] = useState({ waiting: 0, offline: false });
  const [saved, setSaved] = useState(0);
  const [conflicts, setConflicts] = useState<readonly Conflict[]>([]);
  const [notice, setNotice] = useState<Notice | null>(null);
  const tell = useCallback(
    (text: string | null, lasting = false) => setNotice(text === null ? null : { text, lasting }),
    [],
  );

  useEffect(() => {
    let gone = false;
    void openShelf().then(
      async (shelf) => {
        const made = new Outbox(shelf, say, {
          waiting: (count, away) => setState({ waiting: count, offline: away }),
          saved: () => setSaved((count) => count + 1),
          conflict: (conflict) =>
            setConflicts((known) => [...known.filter((one) => !isOutdone(one, conflict)), conflict]),
          refused: (_, why) => tell(`not saved: ${why}`, true),
        });
        if (gone) return;
        await made.open();
        setOutbox(made);
      },
      () =>
        tell("this browser lets the page keep nothing: decisions cannot be made here (is it a private window?)", true),
    );
    return () => {
      gone = true;
    };
  }, []);

  useEffect(() => {
    const back = () => void outbox?.drain();
    window.addEventListener("online", back);
    return () => window.removeEventListener("online", back);
  }, [outbox]);

  const session = useMemo<Session>(
    () => ({
      outbox,
      reviewer,
      setReviewer,
      waiting,
      offline,
      saved,
      conflicts,
      settle: (conflict) => setConflicts((known) => known.filter((one) => one !== conflict)),
      notice,
      tell,
    }),
    [outbox, reviewer, waiting, offline, saved, conflicts, notice, tell],
  );
  return <Shared value={session}>{children}</Shared>;
}
