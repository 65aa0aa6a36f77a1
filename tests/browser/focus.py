"""Where the focus is, and where Tab leads."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

MOST = 60
"""More than anybody presses Tab on one of the pages that tests open."""

# Its number is the element's own: two that look and are called alike have two.
_FOCUSED = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  window.metByTests ??= new WeakMap();
  window.metByTests.set(at, window.metByTests.get(at) ?? (window.countOfTests = (window.countOfTests ?? 0) + 1));
  const style = getComputedStyle(at);
  const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.querySelector("span")?.textContent ?? at.textContent;
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const box = at.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return { number: window.metByTests.get(at), name: name.trim(), seen: ring && inside && box.width > 0 };
}"""


@dataclass(frozen=True)
class Focused:
    """An element that has the focus; `seen`: it can be seen that it has."""

    number: int
    name: str
    seen: bool


def focused(page: Page) -> Focused | None:
    """None: nothing has the focus, or the browser itself."""
    found = page.evaluate(_FOCUSED)
    return None if found is None else Focused(**found)


def tab_to(page: Page, name: str) -> None:
    """Go on with Tab until something of that name has the focus."""
    for _ in range(MOST):
        at = focused(page)
        if at is not None and at.name == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {name}")


def all_round(page: Page) -> list[Focused]:
    """All that Tab leads to, each once, in its order: where it begins is where the focus was."""
    met: dict[int, Focused] = {}
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = focused(page)
        if at is not None and at.number in met:
            return list(met.values())
        if at is not None:
            met[at.number] = at
    raise AssertionError(f"Tab does not come round: {[at.name for at in met.values()]}")
