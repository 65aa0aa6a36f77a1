"""`dlf status`: are the backends there, and can all projects be read?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import typer

from dlf_assets.cli.options import JsonOption, load_project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Examples: dlf status  ·  dlf status --project drones  ·  dlf status --json")(status)


def status(
    project: str | None = typer.Option(None, "--project", "-p", help="Only the backends this project needs."),
    json: JsonOption = False,
) -> None:
    """Say of each backend whether it is there, with its model; exit 1 when one that the project needs is not.

    Project files that cannot be read are named with what is wrong in them.

    Model servers are asked about one small probe picture. QWEN_URL, GEMMA_URL and FALCON_URL say where they are.
    """
    from dlf_assets.cli.output import console, print_json
    from dlf_resources.pods import local_name
    from dlf_resources.projects import Projects
    from dlf_resources.servers.health import BACKENDS, look
    from dlf_resources.workspace import Workspace

    loaded = load_project(project) if project else None
    stages: dict[str, list[str]] = {name: [] for name in BACKENDS} if loaded is None else {}
    if loaded is not None:
        chosen = loaded.backends
        asked = [("filter", chosen.filter), *(("label", name) for name in chosen.label), ("verify", chosen.verify)]
        for stage, name in asked:
            here = local_name(name, "falcon" if stage == "label" else "qwen", lambda _: None)
            here = "falcon" if stage == "label" and here == "gemma" else here
            stages.setdefault(here, []).append(stage)
    with ThreadPoolExecutor(len(stages)) as pool:
        found = list(pool.map(lambda name: look(name, loaded), stages))
    broken = Projects(Workspace.find().projects).load_all()[1]
    if json:
        backends = [asdict(health) | {"stages": stages[health.backend]} for health in found]
        print_json([*backends, *({"file": str(one.path), "ok": False, "said": str(one)} for one in broken)])
    else:
        out = console()
        for health in found:
            mark = "[green]ok[/]  " if health.ok else "[bold red]down[/]"
            needed = f" (for {', '.join(stages[health.backend])})" if stages[health.backend] else ""
            out.print(f"{health.backend:<10} {mark} ", end="", soft_wrap=True)
            out.print(health.said + needed, soft_wrap=True, markup=False)
        for error in broken:
            out.print("project    [bold red]broken[/] ", end="", soft_wrap=True)
            out.print(str(error), soft_wrap=True, markup=False)
    if loaded is not None and not all(health.ok for health in found):
        raise typer.Exit(1)
