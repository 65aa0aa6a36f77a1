"""`dlf sync`: partition keys for the YAMLs."""

from __future__ import annotations

import typer

from dlf_assets.cli.options import JsonOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: dlf sync")(sync)


def sync(json: JsonOption = False) -> None:
    """Add Dagster partitions for new projects and buckets in project_configs/."""
    from dlf_assets.cli.instance import open_instance
    from dlf_assets.cli.output import console, print_json
    from dlf_assets.partitions import add_missing, orphans
    from dlf_core.errors import FactoryError
    from dlf_resources.projects import Projects
    from dlf_resources.workspace import Workspace

    workspace = Workspace.find()
    projects, broken = Projects(workspace.projects).load_all()
    instance = open_instance(workspace)
    added = add_missing(instance, projects)
    gone = orphans(instance, projects)
    if json:
        errors = [str(error) for error in broken]
        print_json({"projects": [p.project_name for p in projects], "added": added, "orphans": gone, "errors": errors})
    else:
        out = console()
        for key in added:
            out.print(f"added {key}", markup=False)
        for key in gone:
            out.print(f"no longer in a YAML (kept): {key}", markup=False)
        out.print(f"{len(projects)} projects, {len(added)} partitions added")
    if broken:
        raise FactoryError("\n".join(str(error) for error in broken))
