/**
 * The boxes of an image as a list that can be heard. Only the options in view are in the page, and the chosen one, to
 * which `aria-activedescendant` points; `aria-setsize` says how many there are.
 */

import { type Range, defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, useEffect, useRef } from "react";
import type { BoxAnswer } from "../api/types";
import { STYLES, spoken, stateOf } from "../canvas/styles";
import type { OwnKeys } from "../keymap/own";
import { KeyOf } from "./hints";

interface Props {
  readonly boxes: readonly BoxAnswer[];
  readonly chosen: number | null;
  readonly keys: OwnKeys;
  readonly onChoose: (number: number) => void;
}

const HEIGHT = 28;

export function Boxes({ boxes, chosen, keys, onChoose }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: boxes.length,
    getScrollElement: () => list.current,
    estimateSize: () => HEIGHT,
    overscan: 4,
    rangeExtractor: (range) => withChosen(range, chosen),
  });
  useEffect(() => {
    if (chosen !== null) rows.scrollToIndex(chosen, { align: "auto" });
  }, [rows, chosen]);
  if (boxes.length === 0) {
    return (
      <p className="text-(--soft)">
        No boxes. <KeyOf keys={keys} action="draw" /> and a drag draw one.
      </p>
    );
  }
  // Where the page's keys are off the list is one as any other.
  const step = (event: KeyboardEvent) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!keys.off || by === undefined) return;
    event.preventDefault();
    onChoose(Math.min(Math.max((chosen ?? (by > 0 ? -1 : 0)) + by, 0), boxes.length - 1));
  };
  return (
    <div
      ref={list}
      role="listbox"
      aria-label={`${boxes.length} boxes`}
      tabIndex={0}
      onKeyDown={step}
      aria-activedescendant={chosen === null ? undefined : `box-${chosen}`}
      className="max-h-48 min-h-24 shrink-0 overflow-y-auto rounded border border-(--line)"
    >
      <div role="presentation" className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const box = boxes[index];
          if (box === undefined) return null; // the list has just become shorter
          return (
            <Option
              key={box.box_id}
              box={box}
              number={index}
              count={boxes.length}
              top={start}
              chosen={index === chosen}
              onChoose={onChoose}
            />
          );
        })}
      </div>
    </div>
  );
}

/** The numbers in view, and that of the chosen box wherever it is. */
export function withChosen(range: Range, chosen: number | null): number[] {
  const seen = defaultRangeExtractor(range);
  if (chosen === null || chosen >= range.count || seen.includes(chosen)) return seen;
  return [...seen, chosen].sort((one, other) => one - other);
}

interface OptionProps {
  readonly box: BoxAnswer;
  readonly number: number;
  readonly count: number;
  readonly top: number;
  readonly chosen: boolean;
  readonly onChoose: (number: number) => void;
}

const Option = memo(function Option({ box, number, count, top, chosen, onChoose }: OptionProps) {
  const style = STYLES[stateOf(box)];
  return (
    <div
      id={`box-${number}`}
      role="option"
      aria-selected={chosen}
      aria-setsize={count}
      aria-posinset={number + 1}
      aria-label={spoken(box, number + 1, count)}
      className={`absolute left-0 flex w-full cursor-pointer items-center gap-2 px-3 ${chosen ? "bg-(--raised) font-semibold" : ""}`}
      style={{ height: HEIGHT, transform: `translateY(${top}px)` }}
      onClick={() => onChoose(number)}
    >
      <svg width="22" height="14" aria-hidden="true">
        <rect
          x="2"
          y="2"
          width="18"
          height="10"
          fill="none"
          stroke={style.colour}
          strokeWidth={style.width}
          strokeDasharray={style.dash.join(" ")}
        />
      </svg>
      <span className="grow truncate">{box.class_name}</span>
      <span className="shrink-0 text-xs text-(--soft)">
        {style.glyph} {style.short}
      </span>
    </div>
  );
});
