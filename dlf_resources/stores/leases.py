"""Locks that hold between machines: an object that says who holds it, renewed while it is held.

It is written on condition, so that of two who try at once one fails. Whoever stops renewing it loses it after a minute
by the store's own clock; the clocks of the machines do not matter.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from dlf_core.errors import PartitionBusy, StoreConflict, StoreError
from dlf_resources.stores.s3_errors import NotThere
from dlf_resources.stores.s3_objects import Objects

LEASE_SECONDS = 60.0
RENEW_SECONDS = 15.0
_ASK_SECONDS = 0.5


@contextlib.contextmanager
def lease(objects: Objects, key: str, machine: str, *, wait_seconds: float, purpose: str) -> Iterator[None]:
    """Hold a lease.

    Args:
        objects: where its object lies.
        key: of its object.
        machine: of which nobody else asks for it now; one that another process there had left is taken at once.
        wait_seconds: how long to wait for whoever has it.
        purpose: what is done under it, for the message.

    Raises:
        PartitionBusy: somebody else had it all the time.
    """
    told = {"host": socket.gethostname(), "pid": os.getpid(), "machine": machine, "id": uuid.uuid4().hex}
    mine = json.dumps(told).encode()
    etag = _taken(objects, key, mine, machine, wait_seconds, purpose)
    held = _Held(objects, key, mine, etag)
    held.start()
    try:
        yield
    finally:
        held.end()


class _Held(threading.Thread):
    """Renews a lease until it is told to end."""

    def __init__(self, objects: Objects, key: str, content: bytes, etag: str):
        super().__init__(name="lease", daemon=True)
        self._objects = objects
        self._key = key
        self._content = content
        self._etag = etag
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                # The content changes, so that its ETag does.
                fresh = self._content + b"\n" + uuid.uuid4().hex.encode()
                self._etag = self._objects.put(self._key, fresh, condition=self._etag).etag
            except (StoreError, NotThere):
                with contextlib.suppress(StoreError):
                    if not self._is_ours():
                        return  # it was taken over: we were away for more than a minute

    def end(self) -> None:
        """Give it back, unless somebody else has it by now."""
        self._over.set()
        self.join()
        with contextlib.suppress(StoreError, NotThere):
            if self._is_ours():
                self._objects.delete(self._key)

    def _is_ours(self) -> bool:
        """Whether we have it, also by a renewal of which no answer came."""
        info = self._objects.head(self._key)
        if info is None:
            return False
        if info.etag != self._etag:
            with contextlib.suppress(NotThere):
                if self._objects.get(self._key).startswith(self._content):
                    self._etag = info.etag
        return info.etag == self._etag


def _taken(objects: Objects, key: str, content: bytes, machine: str, wait_seconds: float, purpose: str) -> str:
    """Wait for the lease and take it; its ETag."""
    until = time.monotonic() + wait_seconds
    while True:
        try:
            return objects.put(key, content, condition="*").etag
        except StoreConflict:
            info = objects.head(key)
        over = info is not None and (objects.now() - info.modified).total_seconds() > LEASE_SECONDS
        if info is not None and (over or _holder(objects, key).get("machine") == machine):
            with contextlib.suppress(StoreConflict, NotThere):
                return objects.put(key, content, condition=info.etag).etag
        if time.monotonic() >= until:
            raise PartitionBusy(_busy(objects, key, purpose, wait_seconds))
        time.sleep(_ASK_SECONDS)


def _busy(objects: Objects, key: str, purpose: str, waited: float) -> str:
    said = _holder(objects, key)
    who = f"process {said['pid']} on {said['host']}" if {"pid", "host"} <= said.keys() else "another process"
    way_out = f"Let it finish or stop it, then run this again; if it was killed, {LEASE_SECONDS:.0f} s after that"
    return f"{purpose} is being done by {who}; waited {waited:.0f} s. {way_out}."


def _holder(objects: Objects, key: str) -> dict[str, Any]:
    """What a lease says of who has it."""
    with contextlib.suppress(StoreError, NotThere, ValueError, TypeError, IndexError):
        return dict(json.loads(objects.get(key).splitlines()[0]))
    return {}
