/** What of a page's address the queue is asked. */

export const FILTERS = [
  "class_name",
  "query",
  "least_score",
  "most_score",
  "verdict",
  "decision",
  "image_decision",
  "search",
  "order",
] as const;

/** A question as the server takes it. */
export type Question = Readonly<Record<string, string>>;

export function questionOf(asked: URLSearchParams, project: string, bucket: string): Question {
  const question: Record<string, string> = { project, bucket };
  for (const name of FILTERS) {
    const value = asked.get(name);
    if (value !== null && value !== "") question[name] = value;
  }
  return question;
}
