import { describe, expect, it } from "vitest";
import { type Field, begun, ended, followed, pinched } from "./gestures";

const view = { scale: 1, left: 0, top: 0 };
const box = { x1: 0.25, y1: 0.25, x2: 0.75, y2: 0.75 };
const field: Field = {
  image: { width: 400, height: 400 },
  screen: { width: 400, height: 400 },
  boxes: [{ box_id: "b", corners: box }],
  chosen: 0,
  hidden: false,
  drawing: false,
};
const large = { scale: 4, left: -200, top: -200 };

describe("a press that stays where it is", () => {
  it("chooses what is under it, and goes on being a press within four pixels", () => {
    const pressed = begun({ x: 200, y: 200 }, false, view, field);
    const [still, seen] = followed(pressed, { x: 202, y: 201 }, [{ x: 202, y: 201 }], view, field);
    expect(still).toBe(pressed);
    expect(seen).toBe(view);
    expect(ended(still, { x: 202, y: 201 }, view, field)).toEqual({ kind: "choose", number: 0 });
  });
  it("chooses nothing where no box is, or boxes are hidden", () => {
    const outside = begun({ x: 20, y: 20 }, false, view, field);
    expect(ended(outside, { x: 20, y: 20 }, view, field)).toEqual({ kind: "choose", number: null });
    const hidden = { ...field, hidden: true };
    const pressed = begun({ x: 200, y: 200 }, false, view, hidden);
    expect(ended(pressed, { x: 200, y: 200 }, view, hidden)).toEqual({ kind: "choose", number: null });
  });
});

describe("a drag", () => {
  it("pans, and chooses nothing then", () => {
    const pressed = begun({ x: 260, y: 260 }, false, large, field);
    const [far, seen] = followed(pressed, { x: 280, y: 250 }, [{ x: 280, y: 250 }], large, field);
    expect([seen.left, seen.top]).toEqual([-180, -210]);
    expect(ended(far, { x: 280, y: 250 }, seen, field)).toBeNull();
  });
  it("at a handle resizes from the box as it was, whatever was passed on the way", () => {
    const pressed = begun({ x: 300, y: 300 }, false, view, field);
    const [there] = followed(pressed, { x: 120, y: 120 }, [], view, field);
    const [back] = followed(there, { x: 340, y: 320 }, [], view, field);
    expect(ended(back, { x: 340, y: 320 }, view, field)).toEqual({
      kind: "edit",
      boxId: "b",
      corners: { x1: 0.25, y1: 0.25, x2: 0.85, y2: 0.8 },
    });
    const [home] = followed(back, { x: 300, y: 300 }, [], view, field);
    expect(ended(home, { x: 300, y: 300 }, view, field)).toBeNull();
  });
  it("with Shift in the chosen box moves it, and stops at the edge", () => {
    const pressed = begun({ x: 200, y: 200 }, true, view, field);
    const [gone] = followed(pressed, { x: 390, y: 200 }, [], view, field);
    expect(ended(gone, { x: 390, y: 200 }, view, field)).toEqual({
      kind: "edit",
      boxId: "b",
      corners: { x1: 0.5, y1: 0.25, x2: 1, y2: 0.75 },
    });
  });
  it("draws while drawing, and makes nothing of a slip", () => {
    const drawing = { ...field, drawing: true };
    const pressed = begun({ x: 300, y: 300 }, false, view, drawing);
    expect(ended(pressed, { x: 300, y: 300 }, view, drawing)).toBeNull();
    const [gone] = followed(pressed, { x: 100, y: 200 }, [], view, drawing);
    expect(ended(gone, { x: 100, y: 200 }, view, drawing)).toEqual({
      kind: "draw",
      corners: { x1: 0.25, y1: 0.5, x2: 0.75, y2: 0.75 },
    });
  });
});

describe("two fingers", () => {
  it("zoom by how far they are apart, and keep what is between them there", () => {
    const [one, other] = [
      { x: 150, y: 200 },
      { x: 250, y: 200 },
    ];
    const apart = { x: 350, y: 200 };
    const [next, seen] = followed(pinched(one, other), apart, [one, apart], view, field);
    expect(seen.scale).toBeCloseTo(2);
    expect(seen.left + 200 * seen.scale).toBeCloseTo(250);
    expect(ended(next, apart, seen, field)).toBeNull();
  });
});
