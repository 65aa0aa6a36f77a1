/**
 * Gives boxes of one frame after the other stable numbers: a box goes on with the track it overlaps most, if by 0.3
 * (IoU) or more, and a track that no box went on with for more than five frames is over.
 */

import type { Corners } from "../api/types";

export const LEAST_IOU = 0.3;
export const MOST_UNSEEN = 5;

export interface Seen {
  readonly corners: Corners;
  readonly name: string | null;
  readonly score: number | null;
  readonly confident: boolean | null;
  readonly reference: string | null;
}

export interface Track extends Seen {
  readonly number: number;
  /** Frames in which it was seen, and frames since. */
  readonly frames: number;
  readonly unseen: number;
}

export class Tracker {
  private next = 1;
  private tracks: readonly Track[] = [];

  /** The tracks after another frame, those that were not seen in it with them; the oldest first. */
  update(boxes: readonly Seen[]): readonly Track[] {
    const pairs = this.tracks
      .flatMap((track, at) => boxes.map((box, number) => ({ at, number, overlap: iou(track.corners, box.corners) })))
      .filter((pair) => pair.overlap >= LEAST_IOU)
      .sort((one, other) => other.overlap - one.overlap);
    const boxOf = new Map<number, number>();
    const taken = new Set<number>();
    for (const { at, number } of pairs) {
      if (boxOf.has(at) || taken.has(number)) continue;
      boxOf.set(at, number);
      taken.add(number);
    }
    const gone = this.tracks.map((track, at) => {
      const number = boxOf.get(at);
      return number === undefined
        ? { ...track, unseen: track.unseen + 1 }
        : { ...boxes[number]!, number: track.number, frames: track.frames + 1, unseen: 0 };
    });
    const begun = boxes
      .filter((_, number) => !taken.has(number))
      .map((box) => ({ ...box, number: this.next++, frames: 1, unseen: 0 }));
    this.tracks = [...gone.filter((track) => track.unseen <= MOST_UNSEEN), ...begun];
    return this.tracks;
  }
}

/** Intersection over union. */
export function iou(one: Corners, other: Corners): number {
  const width = Math.min(one.x2, other.x2) - Math.max(one.x1, other.x1);
  const height = Math.min(one.y2, other.y2) - Math.max(one.y1, other.y1);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (area(one) + area(other) - both);
}

const area = (box: Corners) => (box.x2 - box.x1) * (box.y2 - box.y1);

/** What a track is called, in the picture and beside it. */
export const titleOf = ({ number, name, score }: Track) =>
  `#${number}${name === null ? "" : ` ${name}`}${score === null ? "" : ` ${Math.round(score * 100)} %`}`;
