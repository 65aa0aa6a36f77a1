"""Write the table of the review page into docs/performance.md, from the figures in docs/figures/.

python -m benchmarks.review_page [--run]     --run: measure first (5 minutes, needs Chromium and `make page`)
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import page_section

PROGRAM = "review_ui"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true")
    if parser.parse_args().run:
        page_section.measure([PROGRAM])
    page_section.put("review_page", _section(page_section.figures_of([PROGRAM])[PROGRAM]))


def _section(figures: dict[str, Any]) -> str:
    parts = [
        f"Chromium {figures['chromium'].split('.')[0]} without a screen or a GPU, 1280 × 800, on the real server, "
        "`python -m benchmarks.review_ui`:",
        "",
        "| | target | reached | |",
        "|---|---|---|---|",
    ]
    for row in figures["rows"]:
        sign = "≥" if row["least"] else "≤"
        target = "" if row["target"] is None else f"{sign} {_told(row['target'], row['unit'])}"
        beside = "; ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in _beside(row).items())
        passes = {True: "", False: "**missed** ", None: ""}[row["passes"]]
        parts.append(f"| {row['what']} | {target} | {passes}{_told(row['reached'], row['unit'])} | {beside} |")
    busy = max(row["busy_before"] for row in figures["rows"])
    parts += ["", f"Before each measurement other programs kept at most {busy:.0%} of the processors busy.", ""]
    return "\n".join(parts)


def _told(value: float, unit: str) -> str:
    return f"{value:,g} {unit}".strip()


def _beside(row: dict[str, Any]) -> dict[str, float]:
    """What stands beside a figure; names that change at each build do not."""
    return {name: value for name, value in row["more"].items() if not name.endswith(".js")}


if __name__ == "__main__":
    main()
