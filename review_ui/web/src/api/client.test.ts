import { afterEach, expect, test, vi } from "vitest";
import { NotNow, Offline } from "../state/outbox";
import { Refused, address, readProject, say } from "./client";

afterEach(() => void vi.unstubAllGlobals());
const answers = (status: number, body: unknown) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status })),
  );

test("an address holds what was asked, and nothing that was not", () => {
  expect(address("/api/queue", { project: "über/x & y", offset: 0, search: "", box: null, cursor: undefined })).toBe(
    "/api/queue?project=%C3%BCber%2Fx+%26+y&offset=0",
  );
  expect(address("/api/projects", {})).toBe("/api/projects");
});

test("a refusal has the server's word and sentence", async () => {
  answers(404, { error: { code: "no_project", message: "there is no project 'x'." } });
  await expect(readProject("x")).rejects.toMatchObject({
    status: 404,
    code: "no_project",
    message: "there is no project 'x'.",
  });
  await expect(readProject("x")).rejects.toBeInstanceOf(Refused);
});

test.each([500, 503, 429])("what is answered %i is tried again later", async (status) => {
  answers(status, "no JSON");
  await expect(say("p", [])).rejects.toBeInstanceOf(Offline);
});

test("a server that does not answer is a sentence that says what to do", async () => {
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => {
      throw new TypeError("failed");
    }),
  );
  await expect(readProject("x")).rejects.toThrow("is `dlf review` still running?");
});

test("a conflict is an answer", async () => {
  answers(409, { results: [{ op_id: "1", status: 409, version: 2, current: null }] });
  expect(await say("p", [])).toEqual([{ op_id: "1", status: 409, version: 2, current: null }]);
});

test.each([
  [404, "no_project", NotNow],
  [404, "not_labelled", NotNow],
  [401, "token", Offline],
  [404, "no_box", Refused],
  [422, "unfit", Refused],
])("what was said is refused for good only for itself: %i %s", async (status, code, kind) => {
  answers(status, { error: { code, message: "a sentence." } });
  await expect(say("p", [])).rejects.toBeInstanceOf(kind);
  await expect(say("p", [])).rejects.toThrow("a sentence.");
});

test("an answer that breaks off is none", async () => {
  answers(200, '{"results": [');
  await expect(say("p", [])).rejects.toBeInstanceOf(Offline);
});
