/** Beside the canvas: the boxes as a list that can be heard, the classes with their keys, the image as a whole. */

import type { BoxAnswer, Decision, ImageAnswer } from "../api/types";
import type { Action } from "../keymap/keymap";
import type { OwnKeys } from "../keymap/own";
import { Boxes } from "./boxes";
import { CloseupView } from "./closeup";
import { KeyOf } from "./hints";

interface Props {
  readonly image: ImageAnswer;
  readonly picture: ImageBitmap | null;
  readonly boxes: readonly BoxAnswer[];
  readonly classes: readonly string[];
  readonly chosen: number | null;
  readonly keys: OwnKeys;
  readonly onChoose: (number: number) => void;
  readonly onDecide: (decision: Decision) => void;
  readonly onClass: (className: string) => void;
  readonly onImage: (decision: Decision) => void;
  readonly onNote: (text: string) => void;
}

const DECISIONS = [
  ["approved", "approve", "right"],
  ["rejected", "reject", "wrong"],
  ["unsure", "unsure", "unsure"],
] as const;

const BUTTON = "rounded border border-(--line) px-3 py-1.5 text-left";

export function Panel({
  image,
  picture,
  boxes,
  classes,
  chosen,
  keys,
  onChoose,
  onDecide,
  onClass,
  onImage,
  onNote,
}: Props) {
  const at = chosen === null ? undefined : boxes[chosen];
  return (
    <aside
      className="flex w-72 shrink-0 flex-col gap-4 overflow-y-auto border-l border-(--line) p-4 text-sm"
      aria-label="Boxes"
    >
      {at !== undefined && (
        <div className="flex flex-col gap-2">
          <CloseupView picture={picture} box={at} />
          <p className="font-semibold">Is this “{at.class_name}”, and does the box fit?</p>
        </div>
      )}
      <div className="grid grid-cols-3 gap-2">
        {DECISIONS.map(([decision, action, word]) => (
          <button
            key={decision}
            type="button"
            className={BUTTON}
            disabled={at === undefined}
            aria-pressed={at?.decision === decision}
            onClick={() => onDecide(decision)}
          >
            <KeyOf keys={keys} action={action} /> {word}
          </button>
        ))}
      </div>
      <Boxes boxes={boxes} chosen={chosen} keys={keys} onChoose={onChoose} />
      {at !== undefined && (
        <>
          <fieldset className="flex flex-wrap gap-2">
            <legend className="mb-1 text-(--soft)">Class</legend>
            {classes.map((name, number) => (
              <button
                key={name}
                type="button"
                aria-pressed={name === at.class_name}
                className={`${BUTTON} ${name === at.class_name ? "border-(--accent) font-semibold" : ""}`}
                onClick={() => onClass(name)}
              >
                {number < 9 && <KeyOf keys={keys} action={`class${number + 1}` as Action} />} {name}
              </button>
            ))}
          </fieldset>
          <Note key={`${at.box_id} ${at.note}`} box={at} onNote={onNote} />
          <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-(--soft)">
            {at.query !== null && <Fact name="asked for" value={at.query} />}
            {at.verdict !== null && (
              <Fact name="model says" value={`${at.verdict}${at.p_yes === null ? "" : ` (${at.p_yes.toFixed(2)})`}`} />
            )}
            {at.reviewer !== null && <Fact name="decided by" value={at.reviewer} />}
            {at.carried && <Fact name="carried over" value="decided on an earlier detection of this object" />}
          </dl>
        </>
      )}
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1 text-(--soft)">The whole image</legend>
        {(["approved", "rejected"] as const).map((decision) => (
          <button
            key={decision}
            type="button"
            aria-pressed={image.decision === decision}
            className={`${BUTTON} ${image.decision === decision ? "border-(--accent) font-semibold" : ""}`}
            onClick={() => onImage(image.decision === decision ? "none" : decision)}
          >
            {decision === "approved" ? "All of it is right as it is" : "Not for the data set"}
          </button>
        ))}
      </fieldset>
    </aside>
  );
}

function Note({ box, onNote }: { readonly box: BoxAnswer; readonly onNote: (text: string) => void }) {
  return (
    <label className="flex flex-col gap-1">
      <span className="text-(--soft)">Note</span>
      <textarea
        rows={2}
        maxLength={2000}
        defaultValue={box.note ?? ""}
        onBlur={(event) => onNote(event.target.value.trim())}
        className="rounded border border-(--line) bg-(--ground) px-2 py-1"
      />
    </label>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="text-(--ink)">{value}</dd>
    </>
  );
}
