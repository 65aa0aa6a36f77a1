"""What a gather came to, source by source: how many candidates ended in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_FIRST = ("kept", "duplicate")
_DELIVERED = "answered"


def print_sources(out: Console, gathered: Mapping[str, Mapping[str, Any]]) -> None:
    """A row a source over all buckets, and a line for each search that was not answered.

    Args:
        out: where.
        gathered: bucket → metadata of its materialisation.
    """
    states: dict[str, Counter[str]] = {}
    for numbers in gathered.values():
        for source, counts in (numbers.get("sources") or {}).items():
            states.setdefault(source, Counter()).update(counts)
    searches = [one for numbers in gathered.values() for one in numbers.get("searches") or ()]
    for one in searches:
        states.setdefault(one["source"], Counter())
    if not states:
        return
    silent = Counter(one["source"] for one in searches if one["ended"] != _DELIVERED)
    every = Counter(state for counts in states.values() for state in counts)
    columns = [state for state in _FIRST if state in every] + sorted(state for state in every if state not in _FIRST)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source")
    for state in columns:
        table.add_column(state.replace("_", " "), justify="right")
    table.add_column("searches")
    for source, counts in states.items():
        asked = sum(one["source"] == source for one in searches)
        said = f"{asked - silent[source]} of {asked} answered" if asked else ""
        table.add_row(source, *(f"{counts[state]:,}" if counts[state] else "–" for state in columns), said)
    out.print(table)
    for one in searches:
        if one["ended"] != _DELIVERED:
            out.print(f"[yellow]{one['ended']}:[/] {escape(one['query'])}: {escape(str(one['said']))}", soft_wrap=True)
    for numbers in gathered.values():
        if sheet := numbers.get("contact_sheet"):
            out.print(f"pictures    {escape(str(sheet))}", soft_wrap=True)
    out.print()
