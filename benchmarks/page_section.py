"""The parts of docs/performance.md that programs write, between two comments, from the figures in docs/figures/."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
_FIGURES = DOCS / "figures"
_PAGE = DOCS / "performance.md"


def measure(programs: Sequence[str]) -> None:
    """Run programs of this folder; each writes its figures."""
    _FIGURES.mkdir(exist_ok=True)
    for name in programs:
        command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(_FIGURES / f"{name}.json")]
        subprocess.run(command, check=True)


def figures_of(programs: Sequence[str]) -> dict[str, Any]:
    """Program → the figures it wrote."""
    return {name: json.loads((_FIGURES / f"{name}.json").read_text()) for name in programs}


def put(program: str, section: str) -> None:
    """Write the section of a program in place of the one that is there."""
    begin, end = (f"<!-- made by benchmarks.{program}: {word} -->" for word in ("begin", "end"))
    before, found, rest = _PAGE.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{_PAGE}: has no '{begin}' with its end.")
    _PAGE.write_text(f"{before}{begin}\n{section}{end}{after}")
