"""How a report is shown: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlf_assets.cli.source_table import print_sources

if TYPE_CHECKING:
    from dlf_assets.cli.launch import Report


def print_json(data: object) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def console() -> Console:
    """Standard output; without colour where NO_COLOR is set or nobody looks."""
    return Console(highlight=False)


def print_report(report: Report) -> None:
    """The table of stages, warnings, failures, evaluation and where everything lies."""
    out = console()
    if report.stages:
        if gathered := report.stages.get("gather"):
            print_sources(out, gathered)
        out.print(_stage_table(report.stages))
        every = [numbers for buckets in report.stages.values() for numbers in buckets.values()]
        computed, reused = (sum(numbers[name] for numbers in every) for name in ("computed", "reused"))
        said = (
            f"{computed:,} computed, {reused:,} reused"
            if computed
            else f"0 computed: all {reused:,} were there already"
        )
        out.print(f"\nresults     {said}")
        if asked := _asked(every):
            out.print(f"asked       {asked}")
    for text in report.warnings:
        out.print(f"[yellow]warning:[/] {escape(text)}", soft_wrap=True)
    if made := report.dataset:
        splits = ", ".join(f"{name} {count}" for name, count in made["splits"].items())
        done = f"{made['computed']} computed" if made["computed"] else "unchanged, 0 computed"
        out.print(f"data set    {made['images']} images, {made['boxes']} boxes ({splits}); {done}")
        if scores := made.get("evaluation"):
            shown = ", ".join(f"{name} {_number(scores[key])}" for name, key in _SCORES)
            out.print(f"evaluation  {shown} (IoU 0.5, {scores['truth_boxes']} ground-truth boxes)")
        for name in made["formats"]:
            out.print(escape(f"{name:<11} {made['path']}/{name}"), soft_wrap=True)
    out.print(f"run folder  {escape(str(report.run_folder))}", soft_wrap=True)
    for where, text in report.failures.items():
        out.print(f"[bold red]failed:[/] {escape(f'{where}: {text}')}", soft_wrap=True)


def _asked(every: list[dict[str, Any]]) -> str:
    """What the backends were asked, and what that cost."""
    sums = {name: sum(numbers.get(name, 0) for numbers in every) for name in ("requests", "retries", "throttled")}
    if not sums["requests"]:
        return ""
    words = [f"{count:,} {name}" for name, count in sums.items() if count]
    tokens = [sum(numbers.get(name, 0) for numbers in every) for name in ("input_tokens", "output_tokens")]
    if any(tokens):
        words.append(f"{tokens[0]:,} tokens in, {tokens[1]:,} out")
    for name in sorted({name for numbers in every for name in numbers if name.startswith("cost_")}):
        money = sum(numbers.get(name, 0.0) for numbers in every)
        words.append(f"{money:,.4f} {name.removeprefix('cost_')}")
    return ", ".join(words)


_SCORES = (("precision", "precision"), ("recall", "recall"), ("AP50", "ap50"))


def _stage_table(stages: dict[str, dict[str, dict[str, Any]]]) -> Table:
    """A row a stage, summed over buckets."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    for name in ("in", "kept", "dropped", "errors", "computed", "reused", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("of")
    for stage, buckets in stages.items():
        sums = {
            name: sum(numbers[name] for numbers in buckets.values())
            for name in ("in", "out", "dropped", "errors", "computed", "reused", "seconds")
        }
        unit = next(iter(buckets.values()))["unit"]
        boxes = sum(numbers.get("boxes", 0) for numbers in buckets.values())
        extra = f" ({boxes} boxes)" if stage == "label" else ""
        cells = [f"{sums[name]:,}" for name in ("in", "out", "dropped", "errors", "computed", "reused")]
        table.add_row(stage, *cells, f"{sums['seconds']:.1f}", unit + extra)
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
