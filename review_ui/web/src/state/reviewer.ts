/** Who decides: asked once, kept in this browser. */

const NAME = "dlf-reviewer";

export function reviewerName(): string | null {
  const name = localStorage.getItem(NAME);
  return name === null || name.trim() === "" ? null : name;
}

/** The name as it is kept. */
export function rememberReviewer(name: string): string {
  const kept = name.trim().slice(0, 80);
  localStorage.setItem(NAME, kept);
  return kept;
}
