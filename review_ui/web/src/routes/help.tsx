/** What each key does. */

import { useEffect, useRef } from "react";
import { Key } from "./panel";

const LINES: ReadonlyArray<readonly [readonly string[], string]> = [
  [["A", "Y"], "the box is right; on to the next undecided one"],
  [["X", "N"], "the box is wrong"],
  [["U", "Space"], "cannot be told"],
  [["Shift+A", "Shift+X"], "all undecided boxes of the image, then the next image"],
  [["↑", "↓"], "the box before, the next one"],
  [["←", "→", "K", "J"], "the image before, the next one"],
  [["1", "…", "9"], "class"],
  [["B"], "draw a box: drag with the pointer"],
  [["Del"], "delete the box"],
  [["Ctrl+arrows"], "move the box by a pixel; Shift+drag moves it, its handles resize it"],
  [["Ctrl+Z", "Ctrl+Shift+Z"], "undo, redo"],
  [["F", "Z", "+", "−"], "fit, actual size, larger, smaller; wheel and pinch, too"],
  [["H"], "hold: hide the boxes"],
  [["?"], "these lines"],
];

export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-labelledby="help"
      className="m-auto rounded border border-(--line) bg-(--ground) p-6 text-(--ink)"
    >
      <h2 id="help" className="mb-4 text-lg font-semibold">
        Keys
      </h2>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2 text-sm">
        {LINES.map(([keys, text]) => (
          <div key={text} className="contents">
            <dt className="flex gap-1">
              {keys.map((key) => (
                <Key key={key}>{key}</Key>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" className="mt-4 text-right">
        <button className="rounded border border-(--line) px-4 py-1.5">Close</button>
      </form>
    </dialog>
  );
}
