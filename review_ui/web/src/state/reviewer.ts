/** Who decides: asked once, kept in this browser. */

const NAME = "dlf-reviewer";

export function reviewerName(): string | null {
  const name = localStorage.getItem(NAME);
  return name === null || name.trim() === "" ? null : name;
}

export function rememberReviewer(name: string): void {
  localStorage.setItem(NAME, name.trim().slice(0, 80));
}
