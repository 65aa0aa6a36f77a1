/** What all routes share: the queue of what was said, who is there, and what is told to everybody. */

import { useQueryClient } from "@tanstack/react-query";
import {
  type Context,
  type ReactNode,
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "react";
import { say } from "../api/client";
import type { Operation } from "../api/types";
import { type Conflict, Outbox } from "./outbox";
import { reviewerName } from "./reviewer";
import { openShelf } from "./shelf";
import { subjectOf } from "./subject";

/** Of two things somebody said of one box, the later one counts: of it alone they are asked. */
const isOutdone = ({ project, op }: Conflict, { project: other, op: later }: Conflict) =>
  project === other && subjectOf(op) === subjectOf(later) && op.kind === later.kind;

/** What stays as it is while people decide. */
export interface Session {
  readonly outbox: Outbox | null;
  readonly reviewer: string | null;
  readonly setReviewer: (name: string) => void;
  /** A sentence for everybody, also for those who hear the page. One that does not last goes when something else is looked at. */
  readonly tell: (text: string | null, lasting?: boolean) => void;
  readonly settle: (conflict: Conflict) => void;
}

/** What changes with every word that is said: apart, so that only those are drawn anew who show it. */
export interface Happening {
  readonly saving: Saving;
  readonly conflicts: readonly Conflict[];
  readonly notice: Notice | null;
}

interface Saving {
  /** Operations that are not answered yet. */
  readonly waiting: number;
  /** Why they are not sent just now. */
  readonly hindrance: string | null;
  /** Whether any was, since the page was opened. */
  readonly any: boolean;
}

export interface Notice {
  readonly text: string;
  readonly lasting: boolean;
}

const Shared = createContext<Session | null>(null);
const Now = createContext<Happening | null>(null);

function use<Value>(context: Context<Value | null>): Value {
  const value = useContext(context);
  if (value === null) throw new Error("outside of the session");
  return value;
}

export const useSession = () => use(Shared);
export const useHappening = () => use(Now);

export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const [outbox, setOutbox] = useState<Outbox | null>(null);
  const [reviewer, setReviewer] = useState(reviewerName);
  const [saving, setSaving] = useState<Saving>({ waiting: 0, hindrance: null, any: false });
  const [conflicts, setConflicts] = useState<readonly Conflict[]>([]);
  const [notice, setNotice] = useState<Notice | null>(null);
  const tell = useCallback(
    (text: string | null, lasting = false) => setNotice(text === null ? null : { text, lasting }),
    [],
  );
  const settle = useCallback((conflict: Conflict) => setConflicts((all) => all.filter((one) => one !== conflict)), []);

  useEffect(() => {
    let gone = false;
    const stale = new Set<string>();
    // The page shows what is there now, and what is said next is based on that. Of two hundred boxes of one image that
    // are refused together it is read once.
    const renew = (project: string, op: Operation) => {
      const key = ["image", project, op.bucket, op.image_id];
      const name = JSON.stringify(key);
      if (stale.has(name)) return;
      stale.add(name);
      setTimeout(() => {
        stale.delete(name);
        void client.invalidateQueries({ queryKey: key });
      });
    };
    void openShelf().then(
      async (shelf) => {
        const made = new Outbox(shelf, say, {
          waiting: (waiting, hindrance) => setSaving((now) => ({ ...now, waiting, hindrance })),
          saved: () => setSaving((now) => (now.any ? now : { ...now, any: true })),
          conflict: (conflict) => {
            renew(conflict.project, conflict.op);
            setConflicts((known) => [...known.filter((one) => !isOutdone(one, conflict)), conflict]);
          },
          refused: (project, op, why) => {
            renew(project, op);
            tell(`not saved: ${why}`, true);
          },
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
  }, [client, tell]);

  useEffect(() => {
    const back = () => void outbox?.drain();
    window.addEventListener("online", back);
    return () => window.removeEventListener("online", back);
  }, [outbox]);

  const session = useMemo<Session>(
    () => ({ outbox, reviewer, setReviewer, tell, settle }),
    [outbox, reviewer, tell, settle],
  );
  const happening = useMemo<Happening>(() => ({ saving, conflicts, notice }), [saving, conflicts, notice]);
  return (
    <Shared value={session}>
      <Now value={happening}>{children}</Now>
    </Shared>
  );
}
