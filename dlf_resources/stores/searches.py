"""What searches found, kept until the gather that asked for them has ended: `labels/gather/<key>.searches/`.

A gather that was killed goes on with the same candidates, and asks no service again for what it said already.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from dlf_core.errors import StoreError
from dlf_resources.sources.base import Candidate
from dlf_resources.stores.base import Store

GOOD_SECONDS = 24 * 3600.0


class Searches:
    """The searches of one partition's unfinished gather."""

    def __init__(self, store: Store, partition: str):
        self._store = store
        self._folder = f"labels/gather/{partition}.searches"

    def read(self, source: str, line: str, settings: object) -> list[Candidate] | None:
        """What was found for a line with these settings less than a day ago, or None."""
        key = self._key(source, line, settings)
        if not self._store.exists(key):
            return None
        try:
            said = orjson.loads(self._store.get(key))
            if time.time() - said["at"] > GOOD_SECONDS:
                return None
            return [Candidate(**row) for row in said["candidates"]]
        except (StoreError, ValueError, TypeError, KeyError):
            return None  # damaged: it is asked again

    def write(self, source: str, line: str, settings: object, candidates: Sequence[Candidate]) -> None:
        """Remember what was found."""
        said = {"at": time.time(), "candidates": [asdict(candidate) for candidate in candidates]}
        self._store.put(self._key(source, line, settings), orjson.dumps(said), durable=False)

    def keys(self) -> list[str]:
        """What is to be deleted once the table holds the candidates."""
        return list(self._store.list(self._folder))

    def _key(self, source: str, line: str, settings: object) -> str:
        text = orjson.dumps([source, line, settings], option=orjson.OPT_SORT_KEYS)
        return f"{self._folder}/{source}-{hashlib.sha256(text).hexdigest()[:24]}.json"
