"""What people said of a project's images and boxes, from wherever they said it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dlf_core.project import Project
from dlf_core.records import Decision
from dlf_core.reviews.state import Subject
from dlf_resources.decisions import read_decisions
from dlf_resources.reviews.log import LOG_KEY, ReviewLog
from dlf_resources.reviews.sharing import absorb, share
from dlf_resources.stores.base import Store


def log_of(store: Store) -> ReviewLog:
    """The log of the project whose store it is. It lies on this machine; in R2 it is shared by `exchange`."""
    return ReviewLog(store.path(LOG_KEY))


def exchange(store: Store) -> ReviewLog:
    """The log, with what was said on other machines in it, and what was said here with them.

    Raises:
        StoreError: the store cannot be reached, or holds something that is no batch of events.
    """
    log = log_of(store)
    absorb(log, store)
    if store.name != "local":
        share(log, store)
    return log


def said_of(project: Project, store: Store, image_ids: Collection[str]) -> list[Subject]:
    """What people said of some images and of the boxes on them; first the log counts, then the reviews file.

    Raises:
        StoreError: it cannot be read; human work is never read as "none".
    """
    subjects = exchange(store).subjects(image_ids)
    known = {one.subject_id for one in subjects}
    for box_id, told in read_decisions(store, project).items():
        if box_id not in known:
            subjects.append(_from_file(box_id, told))
    return subjects


def _from_file(box_id: str, told: Mapping[str, Any]) -> Subject:
    """A decision of the reviews file; that names no image."""
    decision = Decision(told["decision"])
    return Subject(box_id, "", decision=decision, reviewer=told["reviewer"], at=told["reviewed_at"])
