/** The server's types by short names; `schema.ts` is made from its OpenAPI. */

import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type BoxAnswer = Schemas["BoxAnswer"];
export type ImageAnswer = Schemas["ImageAnswer"];
export type QueueItem = Schemas["QueueItem"];
export type QueuePage = Schemas["QueuePage"];
export type ProjectSummary = Schemas["ProjectSummary"];
export type Facets = Schemas["Facets"];
export type People = Schemas["People"];
export type LiveBoxes = Schemas["LiveBoxes"];
export type Outcome = Schemas["Outcome"];
export type SubjectAnswer = Schemas["SubjectAnswer"];
export type Decision = Schemas["Decision"];
export type Corners = Schemas["Corners"];
export type Operation = operations["say_api_events_post"]["requestBody"]["content"]["application/json"][number];
