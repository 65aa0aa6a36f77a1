"""What routes are given: the catalog, the project a request names, the queue's memory."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from review_ui.broadcast import Broadcast
from review_ui.catalog import Catalog, OpenProject
from review_ui.leases import Leases
from review_ui.live import Live
from review_ui.queue import Snapshots


def _catalog(request: Request) -> Catalog:
    found: Catalog = request.app.state.catalog
    return found


OfCatalog = Annotated[Catalog, Depends(_catalog)]


def _project(
    catalog: OfCatalog, project: Annotated[str, Query(min_length=1, max_length=200, description="Its name.")]
) -> OpenProject:
    return catalog.named(project)


def _snapshots(request: Request) -> Snapshots:
    found: Snapshots = request.app.state.snapshots
    return found


def _leases(request: Request) -> Leases:
    found: Leases = request.app.state.leases
    return found


def _broadcast(request: Request) -> Broadcast:
    found: Broadcast = request.app.state.broadcast
    return found


def _live(request: Request) -> Live:
    found: Live = request.app.state.live
    return found


OfProject = Annotated[OpenProject, Depends(_project)]
OfSnapshots = Annotated[Snapshots, Depends(_snapshots)]
OfLeases = Annotated[Leases, Depends(_leases)]
OfBroadcast = Annotated[Broadcast, Depends(_broadcast)]
OfLive = Annotated[Live, Depends(_live)]
