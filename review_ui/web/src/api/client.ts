/** Requests to the server this page came from. */

import { NotNow, Offline, type Send } from "../state/outbox";
import type { Facets, ImageAnswer, LiveBoxes, Operation, Outcome, People, ProjectSummary, QueuePage } from "./types";

/** The server's word for why it refuses, and its sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export type Asked = Readonly<Record<string, string | number | null | undefined>>;

/** An address of the server; what is null or empty is left out. */
export function address(path: string, asked: Asked): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (value !== null && value !== undefined && value !== "") words.set(name, String(value));
  }
  const query = words.toString();
  return query === "" ? path : `${path}?${query}`;
}

async function answered(request: Promise<Response>): Promise<Response> {
  let answer: Response;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Offline("the review server does not answer; is `dlf review` still running?");
  }
  if (answer.ok || answer.status === 409) return answer;
  let told: { error?: { code?: string; message?: string } } = {};
  try {
    told = (await answer.json()) as typeof told;
  } catch {
    // Something before the server has answered; its status is all there is to tell.
  }
  const message = told.error?.message ?? `the server answered ${answer.status}`;
  // What a store that is away, or a server that is overloaded, refuses now it takes later.
  if (answer.status >= 500 || answer.status === 429) throw new Offline(message);
  throw new Refused(answer.status, told.error?.code ?? "unknown", message);
}

/** What an answer holds. The server ends with its answer half sent where it is killed. */
async function heldBy<Answer>(answer: Response): Promise<Answer> {
  try {
    return (await answer.json()) as Answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Offline("the review server's answer broke off");
  }
}

async function get<Answer>(path: string, asked: Asked, signal?: AbortSignal): Promise<Answer> {
  return heldBy(await answered(fetch(address(path, asked), signal === undefined ? {} : { signal })));
}

async function post<Answer>(path: string, asked: Asked, body: unknown): Promise<Answer> {
  const headers = { "Content-Type": "application/json" };
  return heldBy(await answered(fetch(address(path, asked), { method: "POST", headers, body: JSON.stringify(body) })));
}

export const readProject = (project: string, signal?: AbortSignal) =>
  get<ProjectSummary>("/api/project", { project }, signal);

export const readProjects = (signal?: AbortSignal) => get<{ projects: string[] }>("/api/projects", {}, signal);

export const readQueue = (asked: Asked, signal?: AbortSignal) => get<QueuePage>("/api/queue", asked, signal);

export const readPeople = (project: string, signal?: AbortSignal) => get<People>("/api/people", { project }, signal);

export const readFacets = (project: string, bucket: string, signal?: AbortSignal) =>
  get<Facets>("/api/facets", { project, bucket }, signal);

export const readImage = (project: string, bucket: string, image: string, signal?: AbortSignal) =>
  get<ImageAnswer>(`/api/images/${image}`, { project, bucket }, signal);

export const lease = (project: string, image_id: string, reviewer: string, release: boolean) =>
  post<{ holder: string | null }>("/api/leases", { project }, { image_id, reviewer, release });

export const readLive = (signal?: AbortSignal) => get<{ address: string }>("/api/live", {}, signal);

/** Boxes of what is asked for, on one frame. */
export async function look(query: string, frame: Blob, signal: AbortSignal): Promise<LiveBoxes> {
  const headers = { "Content-Type": "image/jpeg" };
  const sent = fetch(address("/api/live/frames", { query }), { method: "POST", headers, body: frame, signal });
  return heldBy(await answered(sent));
}

export const referenceOf = (reference: string) => `/api/live/references/${reference}`;

export const fileOf = (project: string, image: string) => address(`/api/images/${image}/file`, { project });

export const thumbOf = (project: string, image: string) => address(`/api/thumbs/${image}.webp`, { project });

/** What the server refuses for what was said itself, and will refuse for ever. */
const NEVER = ["no_image", "no_box", "no_class", "unfit", "too_large"];
/** What it refuses to whoever is not let in: the same words are taken when `dlf review` has been started again. */
const STRANGERS = [401, 403];

/** How the outbox sends. */
export const say: Send = async (project: string, ops: readonly Operation[]) => {
  try {
    return (await post<{ results: Outcome[] }>("/api/events", { project }, ops)).results;
  } catch (error) {
    if (!(error instanceof Refused) || NEVER.includes(error.code)) throw error;
    throw STRANGERS.includes(error.status) ? new Offline(error.message) : new NotNow(error.message);
  }
};

/** A picture of an image, as it is kept. */
export const readPicture = async (project: string, image: string) =>
  (await answered(fetch(fileOf(project, image)))).blob();
