/** Scrolling so fast that nobody sees what flies by: nothing of it is asked for. */

import { type RefObject, useEffect, useReducer, useRef } from "react";

const FAST = 3; // pixels a millisecond: a screen of tiles in a fifth of a second
const STILL_MS = 100;

/**
 * Whether an element is scrolled fast just now. A jump is as fast as can be; 100 ms after it the answer is no, and the
 * component is rendered again.
 */
export function useRush(frame: RefObject<HTMLElement | null>, ready: boolean): boolean {
  // No state: rows are rendered within the same event, and must know by then.
  const rushing = useRef(false);
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const at = frame.current;
    if (at === null) return;
    let last = { top: at.scrollTop, at: performance.now() };
    let still: ReturnType<typeof setTimeout> | undefined;
    const calm = () => {
      rushing.current = false;
      render();
    };
    const scrolled = () => {
      const now = { top: at.scrollTop, at: performance.now() };
      // After a rest the first pixels have not taken all of it.
      const speed = Math.abs(now.top - last.top) / Math.min(STILL_MS, Math.max(1, now.at - last.at));
      last = now;
      clearTimeout(still);
      if (speed > FAST) {
        rushing.current = true;
        still = setTimeout(calm, STILL_MS);
      } else if (rushing.current) calm();
    };
    // Captured: before those who render the rows hear of it.
    at.addEventListener("scroll", scrolled, { capture: true, passive: true });
    return () => {
      clearTimeout(still);
      at.removeEventListener("scroll", scrolled, { capture: true });
    };
  }, [frame, ready]);
  return rushing.current;
}
