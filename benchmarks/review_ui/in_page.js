// What the benchmark sees of the page from inside. Nothing of the page is called, and nothing is put in its way.
// A time is that of the frame after the one something was drawn in: what was drawn is on the screen by then.
"use strict";

window.bench = (() => {
  let pressed = 0;
  let frames = [];
  let asked = 0;
  window.addEventListener("keydown", (event) => (pressed = event.timeStamp), true);

  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const drawn = async () => {
    await frame();
    await frame();
    return performance.now();
  };
  // The first frame in which something is so, in milliseconds since the page was asked for.
  const when = async (isSo) => {
    const end = performance.now() + 20_000;
    while (!isSo()) {
      if (performance.now() > end) throw new Error(`not within 20 s: ${isSo}`);
      await frame();
    }
    await frame();
    return performance.now();
  };

  // Whether the middle of the canvas has the colour of a picture's mark.
  const isAt = (colour) => {
    const canvas = document.querySelector("section canvas");
    if (canvas === null || canvas.width === 0) return false;
    const found = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
    return colour.every((level, place) => Math.abs(level - found[place]) < 30);
  };

  // The count of undecided boxes changes in the same step in which the canvas is told of the verdict.
  const verdict = () =>
    new Promise((done) => {
      const watch = new MutationObserver(async (records) => {
        if (!records.some((record) => /decided/.test(record.target.data ?? ""))) return;
        watch.disconnect();
        done((await drawn()) - pressed);
      });
      watch.observe(document.body, { subtree: true, characterData: true });
    });

  // The heading names the next image in the step in which the canvas is told of it. Its picture is looked for when the
  // frame is over: reading pixels stops all drawing, and would be measured, too. What is not there then is waited for.
  const nextImage = (colour) =>
    new Promise((done) => {
      const watch = new MutationObserver(async (records) => {
        if (!records.some((record) => record.target.parentElement?.tagName === "H2")) return;
        watch.disconnect();
        const at = await drawn();
        done((isAt(colour) ? at : await when(() => isAt(colour))) - pressed);
      });
      watch.observe(document.body, { subtree: true, characterData: true });
    });

  const scroller = () => document.querySelector('[aria-label="Images of the bucket"]');
  const tiles = () => {
    const around = scroller()?.getBoundingClientRect();
    if (around === undefined) return [];
    return [...scroller().querySelectorAll("a")].filter((tile) => {
      const at = tile.getBoundingClientRect();
      return at.bottom > around.top && at.top < around.bottom;
    });
  };
  const counts = () => [...document.querySelectorAll("p")].find((one) => /images?, .*boxes/.test(one.textContent));
  // As many tiles as fit: two rows and a bit are always in view, unless there are fewer images.
  const filled = () => {
    const rows = new Set(tiles().map((tile) => Math.round(tile.getBoundingClientRect().top))).size;
    const here = tiles().length;
    const all = Number(/[\d,.]+/.exec(counts()?.textContent ?? "0")[0].replace(/\D/g, ""));
    return here > 0 && (rows >= 3 || here >= Math.min(all, 10));
  };
  const pictured = () => filled() && tiles().every((tile) => tile.querySelector("img")?.naturalWidth > 0);

  return {
    arm(isVerdict, colour) {
      bench.armed = isVerdict ? verdict() : nextImage(colour);
    },
    when,
    isAt,
    filled,
    pictured,
    startFrames() {
      frames = [];
      const step = (at) => {
        frames.push(at);
        asked = requestAnimationFrame(step);
      };
      asked = requestAnimationFrame(step);
    },
    endFrames() {
      cancelAnimationFrame(asked);
      return frames.slice(1).map((at, place) => at - frames[place]);
    },
    async scroll(step, count) {
      bench.startFrames();
      for (let done = 0; done < count; done++) {
        await frame();
        scroller().scrollTop += step;
      }
      return bench.endFrames();
    },
    async jump(share) {
      const begun = performance.now();
      scroller().scrollTop = scroller().scrollHeight * share;
      await frame();
      return (await when(pictured)) - begun;
    },
    // A filter is chosen: the old counts stand there until the new ones are shown with their tiles.
    async filter(set) {
      const old = counts();
      const begun = performance.now();
      set();
      const shown = (await when(() => counts() !== undefined && counts() !== old && filled())) - begun;
      const complete = (await when(pictured)) - begun;
      return { shown, complete };
    },
    async choose(label, value) {
      const select = [...document.querySelectorAll("label")]
        .find((one) => one.textContent.startsWith(label))
        .querySelector("select");
      return bench.filter(() => {
        Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set.call(select, value);
        select.dispatchEvent(new Event("change", { bubbles: true }));
      });
    },
    async search(words) {
      const field = document.querySelector('input[type="search"]');
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, words);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      await frame();
      return bench.filter(() => field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })));
    },
    firstPaint: () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
  };
})();
