/** Two people said something of the same box: both are shown, and the person chooses. Nothing is overwritten unseen. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Operation, SubjectAnswer } from "../api/types";
import { STYLES } from "../canvas/styles";
import type { Conflict } from "../state/outbox";
import { useHappening, useSession } from "../state/session";
import { BUTTON } from "./dialog";

export function Conflicts() {
  const { outbox, tell, settle } = useSession();
  const { conflicts } = useHappening();
  const client = useQueryClient();
  const conflict = conflicts[0];
  // Not a button: who decides by Space would answer before they have read the question.
  const asking = useRef<HTMLElement>(null);
  useEffect(() => asking.current?.focus(), [conflict]);
  if (conflict === undefined) return null;
  const { project, op, outcome } = conflict;
  const sayMine = async () => {
    settle(conflict);
    try {
      await outbox?.say(project, [sayAgain(conflict)]);
    } catch (error) {
      tell(`not saved: ${String(error)}`, true);
    }
    await client.invalidateQueries({ queryKey: ["image", project, op.bucket, op.image_id] });
  };
  const who = outcome.current?.reviewer ?? "somebody else";
  return (
    <section
      ref={asking}
      tabIndex={-1}
      role="alertdialog"
      aria-labelledby="conflict"
      className="flex flex-wrap items-center gap-4 border-b-2 border-(--accent) bg-(--raised) px-4 py-3 text-sm"
    >
      <p id="conflict" className="grow">
        <strong>{who} was faster.</strong> You said <em>{saidBy(op)}</em>; now it is{" "}
        <em>{stateOf(op, outcome.current ?? null)}</em>.
        {conflicts.length > 1 && ` ${conflicts.length - 1} more after this one.`}
      </p>
      <button type="button" className={BUTTON} onClick={() => settle(conflict)}>
        Leave it so
      </button>
      <button type="button" className={BUTTON} onClick={() => void sayMine()}>
        Say mine all the same
      </button>
    </section>
  );
}

/** The same said once more, of what the box is now. */
export function sayAgain({ op, outcome }: Conflict): Operation {
  return { ...op, op_id: crypto.randomUUID(), base_version: outcome.version };
}

/** What an operation says, in words. */
export function saidBy(op: Operation): string {
  switch (op.kind) {
    case "verdict":
    case "image_verdict":
      return op.value === "none" ? "undecided" : STYLES[op.value].said;
    case "geometry":
      return op.value === null ? "as it was found" : "other corners";
    case "class":
      return op.value ?? "the class it was found with";
    case "delete":
      return op.value ? "deleted" : "not deleted";
    case "add":
      return `a new ${op.value.class_name}`;
    case "note":
      return op.value === "" ? "no note" : `the note "${op.value}"`;
  }
}

function stateOf(op: Operation, current: SubjectAnswer | null): string {
  if (current === null) return "as it was found";
  if (current.deleted) return "deleted";
  if (op.kind === "class") return current.class_name ?? "of the class it was found with";
  if (op.kind === "geometry") return current.corners === null ? "where it was found" : "elsewhere";
  if (op.kind === "note") return current.note === null ? "without a note" : `noted "${current.note}"`;
  return current.decision === "none" ? "undecided" : STYLES[current.decision].said;
}
