import { expect, test } from "vitest";
import type { BoxAnswer } from "../api/types";
import { draw } from "./engine";
import { type DrawnBox, MOST_LABELS, type Scene } from "./scene";
import { STYLES, spoken, stateOf } from "./styles";

const IMAGE = { width: 100, height: 100 };
const SCREEN = { width: 200, height: 200 };
const VIEW = { scale: 2, left: 0, top: 0 };

/** Remembers what was drawn, with the style it was drawn in. */
class Recorder {
  calls: { what: string; colour: unknown; dash: number[]; at: number[] }[] = [];
  texts: string[] = [];
  dash: number[] = [];
  lineWidth = 1;
  strokeStyle: unknown = "";
  fillStyle: unknown = "";
  font = "";
  textBaseline = "top" as const;
  imageSmoothingEnabled = true;
  setTransform() {}
  fillRect() {}
  drawImage() {
    this.calls.push({ what: "picture", colour: null, dash: [], at: [] });
  }
  setLineDash(dash: number[]) {
    this.dash = dash;
  }
  strokeRect(...at: number[]) {
    this.calls.push({ what: "box", colour: this.strokeStyle, dash: this.dash, at });
  }
  fillText(text: string) {
    this.texts.push(text);
  }
  measureText(text: string) {
    return { width: text.length * 6 } as TextMetrics;
  }
}

const box = (x1: number, more: Partial<DrawnBox> = {}): DrawnBox => ({
  corners: { x1, y1: 0.1, x2: x1 + 0.5, y2: 0.5 },
  state: "yes",
  label: "car",
  ...more,
});
const scene = (boxes: DrawnBox[], more: Partial<Scene> = {}): Scene => ({
  image: IMAGE,
  picture: null,
  boxes,
  chosen: null,
  hidden: false,
  draft: null,
  moving: false,
  ...more,
});
const drawn = (made: Scene) => {
  const recorder = new Recorder();
  const count = draw(recorder as never, made, VIEW, SCREEN, 2);
  return { recorder, count };
};

test("each state has its own colour and its own dash or glyph", () => {
  const styles = Object.values(STYLES);
  expect(new Set(styles.map((style) => style.colour)).size).toBe(styles.length);
  expect(new Set(styles.map((style) => `${style.dash}|${style.glyph}`)).size).toBe(styles.length);
});

test("boxes are drawn where they are, in the style of their state", () => {
  const { recorder, count } = drawn(scene([box(0.1), box(0.3, { state: "rejected" })]));
  expect(count).toBe(2);
  expect(recorder.calls.map((call) => [call.colour, call.at])).toEqual([
    [STYLES.rejected.colour, [60, 20, 100, 80]],
    [STYLES.yes.colour, [20, 20, 100, 80]],
  ]);
  expect(recorder.texts).toEqual(["car", "✕ car"]);
});

test("what is not on the screen is left out", () => {
  expect(drawn(scene([box(0.1), box(1.2), box(-0.6)])).count).toBe(1);
});

test("labels are left out while the view moves, and where they are too many", () => {
  expect(drawn(scene([box(0.1)], { moving: true })).recorder.texts).toEqual([]);
  const many = Array.from({ length: MOST_LABELS + 1 }, () => box(0.1));
  expect(drawn(scene(many)).recorder.texts).toEqual([]);
});

test("hidden boxes are not drawn, the picture is", () => {
  const { recorder, count } = drawn(scene([box(0.1)], { hidden: true, picture: {} as CanvasImageSource }));
  expect([count, recorder.calls.map((call) => call.what)]).toEqual([0, ["picture"]]);
});

test("the chosen box is drawn last, with its handles", () => {
  const { recorder } = drawn(scene([box(0.1), box(0.3)], { chosen: 0 }));
  const places = recorder.calls.map((call) => call.at.join());
  expect(places.filter((at) => at === "20,20,100,80").length).toBe(3);
  expect(places.length).toBe(1 + 3 + 8);
});

test("a person's word stands above the model's, and is spoken", () => {
  const one = {
    decision: "rejected",
    deleted: false,
    verdict: "YES",
    class_name: "car",
    p_yes: 0.8,
    note: "",
  } as unknown as BoxAnswer;
  expect(stateOf(one)).toBe("rejected");
  expect(stateOf({ ...one, decision: "none" })).toBe("yes");
  expect(stateOf({ ...one, decision: "none", verdict: null })).toBe("open");
  expect(stateOf({ ...one, deleted: true })).toBe("deleted");
  expect(spoken(one, 2, 7)).toBe("2 of 7: car, rejected, 80 per cent");
});
