"""The `dlf` command: its sub-commands, and what happens to an error.

Nothing heavy is imported here: `dlf --help` must answer at once. Commands import what they need when they run.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

from dlf_assets.cli import (
    backfill,
    compare,
    export,
    import_labels,
    pipeline,
    project,
    publish,
    review,
    runs,
    serve_vlm,
    stages,
    status,
    store,
    sync,
)
from dlf_core.errors import FactoryError, Stopped

app = typer.Typer(
    name="dlf",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="From one YAML to a reviewed object-detection data set: gather, filter, label, verify, review.",
    epilog="First steps: [bold]dlf pipeline --project sample[/bold], then look at what it made with "
    "[bold]dlf show latest[/bold]. A project is a YAML in project_configs/, by name or by path.",
)


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"data-label-factory {metadata.version('data-label-factory')}")
        raise typer.Exit


project.register(app)
status.register(app)
stages.register(app)
pipeline.register(app)
backfill.register(app)
export.register(app)
import_labels.register(app)
compare.register(app)
publish.register(app)
store.register(app)
review.register(app)
runs.register(app)
serve_vlm.register(app)
sync.register(app)


def main() -> None:
    """Entry point. Errors for the user: one sentence and exit 1; bad usage: exit 2; Ctrl-C: exit 130."""
    try:
        app()
    except Stopped as stopped:
        sys.stderr.write(f"{stopped}\n")
        sys.exit(130)
    except FactoryError as error:
        _say(str(error))
        sys.exit(1)
    except BrokenPipeError:  # `dlf list | head`
        sys.stderr.close()
        sys.exit(0)


def _say(text: str) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in text.splitlines():
        console.print(f"[bold red]error:[/] {_plain(line)}")


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()
