"""`dlf status`: are the backends there?"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import typer

from dlf_assets.cli.options import JsonOption, load_project


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """One backend: whether it answers, with which models, and how fast."""

    backend: str
    ok: bool
    said: str
    stages: list[str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Examples: dlf status  ·  dlf status --project drones")(status)


def status(
    project: str | None = typer.Option(None, "--project", "-p", help="Only the backends this project needs."),
    json: JsonOption = False,
) -> None:
    """Say of each backend whether it is there; exit 1 when one that the project needs is not."""
    from dlf_assets.cli.output import console, print_json

    needed = load_project(project).backends.model_dump() if project else {"label": "embedded", "verify": "embedded"}
    by_backend: dict[str, list[str]] = {}
    for stage, name in needed.items():
        by_backend.setdefault(name, []).append(stage)
    found = [_look(name, stages) for name, stages in by_backend.items()]
    if json:
        print_json([asdict(entry) for entry in found])
    else:
        out = console()
        for entry in found:
            mark = "[green]ok[/]  " if entry.ok else "[bold red]down[/]"
            stages = f" (for {', '.join(entry.stages)})" if project else ""
            out.print(f"{entry.backend:<10} {mark} {entry.said}{stages}", soft_wrap=True)
    if not all(entry.ok for entry in found):
        raise typer.Exit(1)


def _look(name: str, stages: list[str]) -> BackendStatus:
    if name != "embedded":
        said = "not part of this version; write 'embedded' under backends: in the YAML, or use --backend embedded"
        return BackendStatus(name, False, said, stages)
    from PIL import Image

    from dlf_core.errors import BackendError
    from dlf_resources.detectors import coco_ssd, nanodet

    picture = Image.new("RGB", (640, 480), (120, 120, 120))
    try:
        coco_ssd.detect(picture, [0], 0.5)
        nanodet.detect(picture, [0], 0.5)
        began = time.perf_counter()
        coco_ssd.detect(picture, [0], 0.5)
        middle = time.perf_counter()
        nanodet.detect(picture, [0], 0.5)
    except BackendError as error:
        return BackendStatus(name, False, str(error), stages)
    took = (middle - began) * 1000, (time.perf_counter() - middle) * 1000
    said = f"{coco_ssd.MODEL} {took[0]:.0f} ms, {nanodet.MODEL} {took[1]:.0f} ms an image on the CPU; 80 COCO classes"
    return BackendStatus(name, True, said, stages)
