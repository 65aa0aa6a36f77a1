"""Options that several commands share, and what they mean."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from dlf_core.errors import FactoryError

if TYPE_CHECKING:
    from dlf_core.project import Project

ProjectOption = Annotated[
    str, typer.Option("--project", "-p", help="The project: a name in project_configs/ or the path of a YAML.")
]
BucketOption = Annotated[
    list[str] | None, typer.Option("--bucket", help="Only this bucket; may be repeated, and may hold * and ?.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Smoke test: only the first N of a bucket.")]
BackendOption = Annotated[
    str | None, typer.Option("--backend", help="qwen, gemma, falcon, falcon-mlx or embedded; beats the YAML.")
]
ExperimentOption = Annotated[
    str | None, typer.Option("--experiment", help="Name of the run folder; one of that name is used again.")
]
ClassesOption = Annotated[
    str | None,
    typer.Option("--classes", help="Rename classes: old=new,old=new; 'old=' leaves its boxes out, '*=' all others'."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
MaxPerQueryOption = Annotated[
    int | None,
    typer.Option(
        "--max-per-query",
        min=1,
        help="At most N candidates a source and query; searches without it: web.max_per_query (30).",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, help="Candidates in work at once (50).")
]
AgainOption = Annotated[bool, typer.Option("--again", help="Ask again for candidates that were rejected before.")]


def load_project(name_or_path: str) -> Project:
    """The project a user names."""
    from dlf_resources.projects import Projects
    from dlf_resources.workspace import Workspace

    return Projects(Workspace.find().projects).find(name_or_path)


def chosen_buckets(project: Project, patterns: list[str] | None) -> list[str]:
    """The buckets a user names, in YAML order; all without a pattern.

    Raises:
        FactoryError: a pattern fits no bucket.
    """
    if not patterns:
        return list(project.buckets)
    for pattern in patterns:
        if not any(fnmatchcase(bucket, pattern) for bucket in project.buckets):
            close = difflib.get_close_matches(pattern, list(project.buckets), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else f"; it has: {', '.join(project.buckets)}."
            raise FactoryError(f"project '{project.project_name}' has no bucket '{pattern}'{hint}")
    return [bucket for bucket in project.buckets if any(fnmatchcase(bucket, pattern) for pattern in patterns)]
