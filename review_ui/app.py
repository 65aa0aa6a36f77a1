"""The server of the review page, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from dlf_core.errors import StoreError
from dlf_resources.projects import Projects
from review_ui.api import events, images, live, people, projects, queue
from review_ui.auth import Gate, Session
from review_ui.broadcast import Broadcast
from review_ui.catalog import Catalog
from review_ui.leases import Leases
from review_ui.live import Live
from review_ui.problems import ANSWERS, tell_problems
from review_ui.queue import Snapshots

EXCHANGE_SECONDS = 2.0
"""Until other machines hear what was said here, where they share a bucket."""
STATIC = Path(__file__).parent / "static"
PAGES = ("/", "/canvas", "/canvas/live")


@dataclass(frozen=True)
class Settings:
    """How a server is set up.

    Attributes:
        projects: YAMLs whose data is shown.
        session: who is known.
        hosts: what a request may call the server, with the port.
    """

    projects: Projects
    session: Session
    hosts: frozenset[str]


def create_app(settings: Settings) -> FastAPI:
    """The server."""
    broadcast, catalog, looking = Broadcast(), Catalog(settings.projects), Live()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        exchanging = asyncio.create_task(_exchange(catalog, broadcast))
        yield
        exchanging.cancel()
        with contextlib.suppress(StoreError):
            await asyncio.to_thread(catalog.exchange)
        broadcast.end()
        await looking.close()

    app = FastAPI(
        title="data-label-factory review",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=ANSWERS,
        lifespan=lifespan,
    )
    app.state.catalog = catalog
    app.state.snapshots = Snapshots()
    app.state.leases = Leases()
    app.state.broadcast = broadcast
    app.state.live = looking
    tell_problems(app)
    for module in (projects, queue, images, events, people, live):
        app.include_router(module.router)
    if STATIC.is_dir():
        for path in PAGES:
            app.add_api_route(path, _page, include_in_schema=False, response_class=FileResponse)
        app.mount("/", StaticFiles(directory=STATIC, html=True))
    app.add_middleware(Gate, session=settings.session, hosts=settings.hosts)
    return app


def _page() -> FileResponse:
    """The page, whatever of it is asked for; a new version is seen at the next reload."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def _exchange(catalog: Catalog, broadcast: Broadcast) -> None:
    """Every few seconds, for as long as the server runs; a store that is away is told to whoever looks."""
    while True:
        await asyncio.sleep(EXCHANGE_SECONDS)
        try:
            await asyncio.to_thread(catalog.exchange)
        except StoreError as error:
            broadcast.tell({"kind": "store", "message": str(error)})


def hosts_of(port: int) -> frozenset[str]:
    """What a server on loopback may be called."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
