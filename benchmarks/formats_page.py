"""Write the tables of the formats into docs/performance.md, from the figures in docs/figures/.

python -m benchmarks.formats_page [--run]     --run: measure first (20 minutes)
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import page_section

PROGRAMS = ("formats_speed", "formats_pictures")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true")
    if parser.parse_args().run:
        page_section.measure(PROGRAMS)
    figures = page_section.figures_of(PROGRAMS)
    parts = [*_labels(figures["formats_speed"]), *_pictures(figures["formats_pictures"]), ""]
    page_section.put("formats_page", "\n".join(parts))


def _labels(figures: dict[str, Any]) -> list[str]:
    rows = {row["contender"]: row for row in figures["rows"]}
    parts = [
        f"{figures['boxes']:,} boxes on {figures['images']:,} images, labels without pictures, medians, "
        "`python -m benchmarks.formats_speed`. The rows (120 MB) and Python (80 MB) are in the peaks:",
        "",
        "| | written, s | peak MB | read, s | peak MB |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(name.removesuffix(", written").removesuffix(", read") for name in rows):
        # What is no format of ours has one row, named as a whole.
        wrote, read = rows.get(f"{name}, written") or rows[name], rows.get(f"{name}, read")
        back = f"{read['seconds']:.1f} | {read['peak_mb']:,.0f}" if read else " | "
        parts.append(f"| {name} | {wrote['seconds']:.1f} | {wrote['peak_mb']:,.0f} | {back} |")
    return [*parts, ""]


def _pictures(figures: dict[str, Any]) -> list[str]:
    counts = sorted({row["images"] for row in figures["rows"]})
    by_name: dict[str, dict[int, dict[str, Any]]] = {}
    for row in figures["rows"]:
        by_name.setdefault(row["contender"], {})[row["images"]] = row
    sizes = {row["images"]: row["megabytes"] for row in figures["rows"]}
    heads = [head for count in counts for head in (f"{count:,} images ({sizes[count]:,} MB), s", "peak MB")]
    parts = [
        "With pictures of 640 × 480, `sync` counted in, `python -m benchmarks.formats_pictures`:",
        "",
        f"| | {' | '.join(heads)} |",
        "|---" * (len(heads) + 1) + "|",
    ]
    for name, of_count in by_name.items():
        found = [f"{of_count[count]['seconds']:.2f} | {of_count[count]['peak_mb']:.0f}" for count in counts]
        parts.append(f"| {name} | {' | '.join(found)} |")
    return [*parts, ""]


if __name__ == "__main__":
    main()
