import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Operation, Outcome } from "../api/types";
import { type Conflict, type Kept, type Listener, NotNow, Offline, Outbox, type Send, type Shelf } from "./outbox";

const op = (name: string, base = 0, box = "x"): Operation => ({
  kind: "verdict",
  value: "approved",
  op_id: name,
  bucket: "b",
  image_id: "i",
  box_id: box,
  base_version: base,
  reviewer: "Ada",
});
const taken = (one: Operation): Outcome => ({
  op_id: one.op_id,
  status: 200,
  version: one.base_version + 1,
  current: null,
});

class Memory implements Shelf {
  constructor(
    public rows: Kept[] = [],
    private next = 1,
  ) {}
  async all() {
    return [...this.rows];
  }
  async add(project: string, ops: readonly Operation[]) {
    const added = ops.map((one) => ({ number: this.next++, project, op: one }));
    this.rows.push(...added);
    return added;
  }
  async remove(numbers: readonly number[]) {
    this.rows = this.rows.filter((one) => !numbers.includes(one.number));
  }
}

class Heard implements Listener {
  saved_: string[] = [];
  conflicts: string[] = [];
  refused_: [string, string][] = [];
  state: [number, string | null] = [0, null];
  waiting(count: number, hindrance: string | null) {
    this.state = [count, hindrance];
  }
  saved(one: Operation) {
    this.saved_.push(one.op_id);
  }
  conflict({ project, op: one }: Conflict) {
    this.conflicts.push(`${project}:${one.op_id}`);
  }
  refused(_: string, one: Operation, why: string) {
    this.refused_.push([one.op_id, why]);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function said(outbox: Outbox, ...names: string[]) {
  for (const name of names) await outbox.say("p", [op(name)]);
  await vi.advanceTimersByTimeAsync(0);
}

test("what is said is sent in its order, and forgotten when it is answered", async () => {
  const [shelf, heard, sent] = [new Memory(), new Heard(), [] as string[]];
  const outbox = new Outbox(
    shelf,
    async (_, ops) => {
      sent.push(...ops.map((one) => one.op_id));
      return ops.map(taken);
    },
    heard,
  );
  await said(outbox, "1", "2", "3");
  expect([sent, heard.saved_, heard.state, shelf.rows]).toEqual([["1", "2", "3"], ["1", "2", "3"], [0, null], []]);
});

test("offline, everything waits; then it is sent, each once and in order", async () => {
  let online = false;
  const [shelf, heard, sent] = [new Memory(), new Heard(), [] as string[][]];
  const send: Send = async (_, ops) => {
    if (!online) throw new Offline("away");
    sent.push(ops.map((one) => one.op_id));
    return ops.map(taken);
  };
  const outbox = new Outbox(shelf, send, heard);
  await said(outbox, "1", "2");
  await vi.advanceTimersByTimeAsync(30_000);
  expect([heard.state, shelf.rows.length]).toEqual([[2, "away"], 2]);
  online = true;
  await vi.advanceTimersByTimeAsync(15_000);
  expect([sent, heard.state, shelf.rows]).toEqual([[["1", "2"]], [0, null], []]);
});

test("what is said waits from the first moment, also before the browser has kept it", async () => {
  const heard = new Heard();
  const outbox = new Outbox(new Memory(), async (_, ops) => ops.map(taken), heard);
  const saying = outbox.say("p", [op("1")]);
  expect(heard.state).toEqual([1, null]);
  await saying;
  await vi.advanceTimersByTimeAsync(0);
  expect(heard.state).toEqual([0, null]);
});

test("what the browser cannot keep waits for nothing", async () => {
  const [shelf, heard] = [new Memory(), new Heard()];
  shelf.add = () => Promise.reject(new Error("the disk is full"));
  const outbox = new Outbox(shelf, async (_, ops) => ops.map(taken), heard);
  await expect(outbox.say("p", [op("1")])).rejects.toThrow("full");
  expect(heard.state).toEqual([0, null]);
});

test("a page that is opened again takes up what waits", async () => {
  const shelf = new Memory([{ number: 4, project: "p", op: op("old") }], 5);
  const heard = new Heard();
  const outbox = new Outbox(shelf, async (_, ops) => ops.map(taken), heard);
  await outbox.open();
  await vi.advanceTimersByTimeAsync(0);
  expect([heard.saved_, shelf.rows]).toEqual([["old"], []]);
});

test("an answer that is lost makes nothing lost: it is sent again", async () => {
  const seen: string[] = [];
  let first = true;
  const heard = new Heard();
  const outbox = new Outbox(
    new Memory(),
    async (_, ops) => {
      seen.push(...ops.map((one) => one.op_id));
      if (first) {
        first = false;
        throw new Offline();
      }
      return ops.map(taken);
    },
    heard,
  );
  await said(outbox, "1");
  await vi.advanceTimersByTimeAsync(1_000);
  expect([seen, heard.saved_]).toEqual([["1", "1"], ["1"]]);
});

test("a conflict is told and stops no other", async () => {
  const heard = new Heard();
  const outbox = new Outbox(
    new Memory(),
    async (_, ops) =>
      ops.map((one) =>
        one.op_id === "1" ? { op_id: "1", status: 409 as const, version: 7, current: null } : taken(one),
      ),
    heard,
  );
  await outbox.say("p", [op("1"), op("2", 0, "y")]);
  await vi.advanceTimersByTimeAsync(0);
  expect([heard.conflicts, heard.saved_, heard.state]).toEqual([["p:1"], ["2"], [0, null]]);
});

test("what was said of the same box before the conflict was heard is not sent as if it knew of it", async () => {
  const [shelf, heard, sent] = [new Memory(), new Heard(), [] as string[]];
  const outbox = new Outbox(
    shelf,
    async (_, ops) => {
      sent.push(...ops.map((one) => one.op_id));
      if (sent.length === 1) await outbox.say("p", [op("2", 1), op("3", 0, "y")]);
      return ops.map((one) => (one.op_id === "1" ? { ...taken(one), status: 409 as const } : taken(one)));
    },
    heard,
  );
  await outbox.say("p", [op("1")]);
  await vi.advanceTimersByTimeAsync(0);
  expect([sent, heard.conflicts, heard.saved_, shelf.rows]).toEqual([["1", "3"], ["p:1", "p:2"], ["3"], []]);
});

test("one that the server does not take at all is told with its reason and holds up no other", async () => {
  const heard = new Heard();
  const outbox = new Outbox(
    new Memory(),
    async (_, ops) => {
      if (ops.some((one) => one.op_id === "bad")) throw new Error("'boat' is no class");
      return ops.map(taken);
    },
    heard,
  );
  await outbox.say("p", [op("1"), op("bad"), op("2")]);
  await vi.advanceTimersByTimeAsync(0);
  expect([heard.saved_, heard.refused_, heard.state]).toEqual([["1", "2"], [["bad", "'boat' is no class"]], [0, null]]);
});

test("what was said is remembered when it has been taken, but not what was refused", async () => {
  const status = (one: Operation) => (one.op_id === "late" ? (409 as const) : (200 as const));
  const outbox = new Outbox(
    new Memory([{ number: 1, project: "p", op: op("old", 0, "w") }], 2),
    async (_, ops) => {
      if (ops.some((one) => one.op_id === "bad")) throw new Error("'boat' is no class");
      return ops.map((one) => ({ ...taken(one), status: status(one) }));
    },
    new Heard(),
  );
  await outbox.open();
  const saying = outbox.say("p", [op("1"), op("bad", 0, "y"), op("late", 0, "z")]);
  expect(outbox.said.map((one) => one.op_id)).toEqual(["old", "1", "bad", "late"]);
  await saying;
  await vi.advanceTimersByTimeAsync(0);
  expect(outbox.said.map((one) => one.op_id)).toEqual(["old", "1"]);
});

test("projects are sent apart, and no batch is too large", async () => {
  const sizes: [string, number][] = [];
  const outbox = new Outbox(
    new Memory(),
    async (project, ops) => {
      sizes.push([project, ops.length]);
      return ops.map(taken);
    },
    new Heard(),
  );
  const many = (name: string, count: number) => Array.from({ length: count }, (_, n) => op(`${name}${n}`));
  await Promise.all([outbox.say("p", many("p", 250)), outbox.say("q", many("q", 3))]);
  await vi.advanceTimersByTimeAsync(0);
  expect(sizes).toEqual([
    ["p", 200],
    ["p", 50],
    ["q", 3],
  ]);
});

test("who waits for all to be saved hears of it, or that it takes too long", async () => {
  let online = false;
  const outbox = new Outbox(
    new Memory(),
    async (_, ops) => {
      if (!online) throw new Offline();
      return ops.map(taken);
    },
    new Heard(),
  );
  await outbox.empty(0);
  await said(outbox, "1");
  const late = expect(outbox.empty(1_000)).rejects.toBeInstanceOf(Offline);
  await vi.advanceTimersByTimeAsync(1_100);
  await late;
  const soon = outbox.empty(20_000);
  online = true;
  await vi.advanceTimersByTimeAsync(15_000);
  await soon;
});

test("a bucket of which nothing is taken just now holds up no other, and loses nothing", async () => {
  let labelled = false;
  const [shelf, heard, sent] = [new Memory(), new Heard(), [] as string[]];
  const outbox = new Outbox(
    shelf,
    async (project, ops) => {
      if (project === "p" && !labelled) throw new NotNow("its YAML cannot be read");
      sent.push(...ops.map((one) => one.op_id));
      return ops.map(taken);
    },
    heard,
  );
  await outbox.say("p", [op("1")]);
  await outbox.say("q", [op("2")]);
  await vi.advanceTimersByTimeAsync(0);
  expect([sent, heard.state, shelf.rows.length]).toEqual([["2"], [1, "its YAML cannot be read"], 1]);
  labelled = true;
  await vi.advanceTimersByTimeAsync(15_000);
  expect([sent, heard.state, heard.refused_, shelf.rows]).toEqual([["2", "1"], [0, null], [], []]);
});

test("what was sent and is not answered, or cannot be taken off the shelf, is sent again", async () => {
  const [shelf, heard, sent] = [new Memory(), new Heard(), [] as string[]];
  const remove = shelf.remove.bind(shelf);
  shelf.remove = async (numbers) => {
    if (sent.length < 4) throw new Error("the database was closed");
    await remove(numbers);
  };
  const outbox = new Outbox(
    shelf,
    async (_, ops) => {
      sent.push(...ops.map((one) => one.op_id));
      return sent.length === 2 ? [] : ops.map(taken);
    },
    heard,
  );
  await said(outbox, "1");
  expect([heard.state, heard.saved_]).toEqual([[1, "the database was closed"], []]);
  await vi.advanceTimersByTimeAsync(500);
  expect(heard.state).toEqual([1, "the server did not answer to all"]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect([sent, heard.saved_, heard.state]).toEqual([["1", "1", "1", "1"], ["1"], [0, null]]);
});

test("of what was taken the latest is remembered, of what waits everything", async () => {
  let online = false;
  const outbox = new Outbox(
    new Memory(),
    async (_, ops) => {
      if (!online) throw new Offline("away");
      return ops.map(taken);
    },
    new Heard(),
  );
  const many = Array.from({ length: 5000 }, (_, number) => op(`${number}`, 0, `box ${number}`));
  await outbox.say("p", many);
  expect(outbox.said.length).toBe(5000);
  online = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect([outbox.said.length, outbox.said.at(-1)?.op_id]).toEqual([2000, "4999"]);
});
