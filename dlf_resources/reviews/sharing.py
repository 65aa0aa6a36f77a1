"""Logs of machines that share a store: each writes what was said there as immutable objects, and reads those of others.

`labels/reviews/<name of the log>-<number of the first event>.json`. An object is written once and never changed, so no
writer can undo another; an event that two objects hold counts once, by its operation's id.
"""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath

import orjson
from pydantic import BaseModel, ValidationError

from dlf_core.errors import StoreConflict, StoreError
from dlf_core.reviews.operations import Event
from dlf_resources.reviews.log import ReviewLog
from dlf_resources.stores.base import Store

FOLDER = "labels/reviews"
_MOST = 1000
"""Events of one object."""


class _Batch(BaseModel):
    """What an object holds."""

    log: str
    events: list[Event]


def share(log: ReviewLog, store: Store) -> int:
    """Write what was said here and lies in no object yet; how many events that was.

    Raises:
        StoreError: the store cannot be written; the next call goes on there.
    """
    if log.newest() == 0:
        return 0
    fact, written = _fact(store), 0
    name, last = log.name(), int(log.fact(fact) or 0)
    while events := log.events(last, here=True, most=_MOST):
        key = f"{FOLDER}/{name}-{events[0][0]:012}.json"
        told = {"log": name, "events": [event.model_dump(mode="json") for _, event in events]}
        try:
            store.put_if(key, orjson.dumps(told), None)
        except StoreConflict:
            # An earlier call wrote it, and did not live to remember that; or this log was copied, and the copy did.
            ours = [event.op.op_id for _, event in events]
            there = [event.op.op_id for event in _read(store, key).events]
            if there != ours[: len(there)]:
                log.remember("name", name := uuid.uuid4().hex)
                continue
            events = events[: len(there)]
        last = events[-1][0]
        log.remember(fact, str(last))
        written += len(events)
    return written


def absorb(log: ReviewLog, store: Store) -> int:
    """Take what was said elsewhere; how many events were new.

    Raises:
        StoreError: an object cannot be read.
    """
    keys = [key for key in store.list(FOLDER) if key.endswith(".json")]
    own, new = f"{log.name()}-" if keys else "", 0
    for key in keys:
        name = PurePosixPath(key).name
        if not name.startswith(own) and log.fact(f"absorbed {name}") is None:
            new += log.absorb(_read(store, key).events)
            log.remember(f"absorbed {name}", "yes")
    return new


def _fact(store: Store) -> str:
    """Under what the log remembers how far a store has it."""
    return f"shared {store.address(f'{FOLDER}/log.json')}"


def _read(store: Store, key: str) -> _Batch:
    try:
        return _Batch.model_validate_json(store.get(key))
    except ValidationError as error:
        where, said = store.address(key), error.errors()[0]["msg"]
        raise StoreError(f"{where}: is not a batch of reviews ({said}); restore it or move it away.") from None
