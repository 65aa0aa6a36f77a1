/** A dialog over the page, with a heading and what closes it. */

import { type DialogHTMLAttributes, type ReactNode, useEffect, useRef } from "react";

export const BUTTON = "rounded border border-(--line) px-4 py-1.5 disabled:opacity-50";

interface Props extends Omit<DialogHTMLAttributes<HTMLDialogElement>, "title"> {
  readonly title: string;
  readonly width: string;
  readonly onClose: () => void;
  /** What stands beside the button that closes it. */
  readonly foot?: ReactNode;
}

export function Dialog({ title, width, foot, children, ...rest }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      {...rest}
      ref={dialog}
      aria-labelledby="dialog"
      className={`m-auto max-h-[90dvh] ${width} overflow-y-auto rounded border border-(--line) bg-(--ground) p-6 text-(--ink)`}
    >
      <h2 id="dialog" className="mb-4 text-lg font-semibold">
        {title}
      </h2>
      {children}
      <div className="mt-4 flex flex-wrap items-center justify-end gap-4 text-sm">
        {foot}
        <form method="dialog">
          <button className={BUTTON}>Close</button>
        </form>
      </div>
    </dialog>
  );
}
