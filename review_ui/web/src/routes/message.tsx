/** What stands in the middle where there is nothing else: loading, empty, wrong. It says what to do. */

import type { ReactNode } from "react";

export function Message({
  title,
  text,
  children,
}: {
  readonly title: string;
  readonly text?: string | undefined;
  readonly children?: ReactNode;
}) {
  return (
    <div className="mx-auto mt-24 flex max-w-xl flex-col gap-3 p-6 text-center" role="status">
      <p className="text-lg font-semibold">{title}</p>
      {text !== undefined && <p className="text-(--soft)">{text}</p>}
      {children}
    </div>
  );
}
