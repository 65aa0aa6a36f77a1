"""How a command that ran stages ends: its report, and its exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from dlf_assets.cli.output import print_json, print_report

if TYPE_CHECKING:
    from dlf_assets.cli.launch import Report


def finish(report: Report, *, as_json: bool) -> None:
    """Show the report; exit 1 when a bucket failed or was stopped by a check."""
    if as_json:
        print_json(report.as_dict())
        for where, text in report.failures.items():
            print(f"error: {where}: {text}", file=sys.stderr)
    else:
        print_report(report)
    if report.failures:
        raise typer.Exit(1)


def typed() -> str:
    """The command as the user typed it."""
    return " ".join(["dlf", *sys.argv[1:]])
