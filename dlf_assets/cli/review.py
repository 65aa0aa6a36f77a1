"""`dlf review`: the page on which people decide."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer

from dlf_assets.cli.options import JsonOption, ProjectOption, load_project

PORT = 3030


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: dlf review --project sample")(review)


def review(
    project: ProjectOption,
    bucket: Annotated[str | None, typer.Option("--bucket", help="The bucket that is opened first.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0: any free one.")] = PORT,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    json: JsonOption = False,
) -> None:
    """Start the review page on this machine and keep it until Ctrl-C.

    The address that is printed works once, and lets the browser in that opens it. Everything that is decided is on the
    disk before the page says so; `dlf pipeline`, or Dagster's sensor, brings it into the data set.
    """
    loaded = load_project(project)
    from dlf_assets.cli.options import chosen_buckets
    from dlf_assets.cli.output import console, print_json
    from dlf_core.errors import FactoryError
    from dlf_resources.projects import Projects, store_of
    from dlf_resources.workspace import Workspace

    try:
        from review_ui.serve import serve
    except ModuleNotFoundError:
        raise FactoryError("the review page needs fastapi; run `pip install 'data-label-factory[ui]'`.") from None

    store_of(loaded)  # what it lacks is said here, and not only in the page
    asked = {"project": loaded.project_name}
    if bucket is not None:
        asked["bucket"] = chosen_buckets(loaded, [bucket])[0]
    workspace = Workspace.find()

    def ready(address: str) -> None:
        if json:
            print_json({"address": address})
        else:
            console().print(f"review page: {address}\nCtrl-C ends it", soft_wrap=True, markup=False)
        if open_:
            import webbrowser

            webbrowser.open(address)

    serve(
        Projects(workspace.projects, loaded.file),
        port,
        onward=f"/?{urlencode(asked)}",
        sessions=workspace.dagster_home / "review_sessions",
        ready=ready,
    )
