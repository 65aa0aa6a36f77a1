/** What waits to be sent, in IndexedDB: it survives reload, a crash of the browser, and being offline. */

import type { Operation } from "../api/types";
import type { Kept, Shelf } from "./outbox";

const NAME = "dlf-review";
const STORE = "waiting";

export async function openShelf(): Promise<Shelf> {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "number", autoIncrement: true });
  return new Indexed(await done(opening));
}

class Indexed implements Shelf {
  constructor(private readonly database: IDBDatabase) {}

  async all(): Promise<Kept[]> {
    return (await done(this.turn("readonly").getAll())) as Kept[];
  }

  async add(project: string, ops: readonly Operation[]): Promise<Kept[]> {
    const turn = this.database.transaction(STORE, "readwrite", { durability: "strict" });
    const store = turn.objectStore(STORE);
    const keys = ops.map((op) => store.add({ project, op }));
    await whole(turn);
    return ops.map((op, place) => ({ number: keys[place]!.result as number, project, op }));
  }

  async remove(numbers: readonly number[]): Promise<void> {
    const turn = this.database.transaction(STORE, "readwrite");
    for (const number of numbers) turn.objectStore(STORE).delete(number);
    await whole(turn);
  }

  private turn(mode: IDBTransactionMode): IDBObjectStore {
    return this.database.transaction(STORE, mode).objectStore(STORE);
  }
}

function done<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database cannot be used"));
  });
}

function whole(turn: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    turn.oncomplete = () => resolve();
    turn.onabort = turn.onerror = () => reject(turn.error ?? new Error("the browser's database cannot be written"));
  });
}
