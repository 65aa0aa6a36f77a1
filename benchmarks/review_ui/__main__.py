"""How fast the review page is: `dlf review` as a process, Chromium without a GPU, 1280 × 800.

python -m benchmarks.review_ui [--only NAME] [--out FILE.json]     5 minutes; needs Chromium and the built page

Intervals between frames are those of requestAnimationFrame: what drawing takes alone says nothing of what is seen.
`python -m benchmarks.review_page --run` measures, and writes the table into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.review_ui import canvas, grid, projects, reviewer, start
from benchmarks.review_ui.quiet import settle
from harness import chromium
from harness.review_server import running

OF_CROWDED = {
    "script_size": start.script_size,
    "start": start.start,
    "verdicts": canvas.verdicts,
    "next_image": canvas.next_image,
    "moving": canvas.moving,
    "reviewer": reviewer.reviewer,
}
OF_MANY = {
    "opening": grid.opening,
    "scrolling": grid.scrolling,
    "jumping": grid.jumping,
    "filtering": grid.filtering,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument(
        "--only", action="append", choices=[*OF_CROWDED, *OF_MANY], help="measure this alone; may be given again"
    )
    asked = parser.parse_args()
    try:
        chromium.executable()
    except FileNotFoundError as error:
        parser.error(str(error))
    rows = []
    for make, measures in ((projects.crowded, OF_CROWDED), (projects.many, OF_MANY)):
        wanted = [measure for name, measure in measures.items() if not asked.only or name in asked.only]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="dlf-bench-", ignore_cleanup_errors=True) as folder:
            root, begun = Path(folder), time.perf_counter()
            (root / "project_configs").mkdir()
            made = make(root)
            print(f"project '{made.name}' made in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
            assert made.project.file is not None
            with running(made.project.file) as server, chromium.launched() as browser:
                version = browser.version
                for measure in wanted:
                    busy = settle()
                    for figure in measure(browser, server, made):
                        print(figure.told(), flush=True)
                        rows.append(figure.as_dict() | {"busy_before": busy})
    if asked.out:
        told = {"chromium": version, "rows": rows}
        asked.out.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
