"""The protocol of a store: bytes under relative, slash-separated keys such as `raw/positive/x/<id>.jpg`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Bytes by key. Every error is a `StoreError` whose text names the key and the way out."""

    name: str
    """`local` or `r2`."""

    def get(self, key: str) -> bytes:
        """The bytes under a key."""
        ...

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Some of the bytes under a key; fewer at its end."""
        ...

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Write atomically: a reader sees the old bytes or the new, never a part. Durable: survives power loss."""
        ...

    def version(self, key: str) -> str | None:
        """A word that changes with the bytes under a key, or None when there is nothing."""
        ...

    def put_if(self, key: str, content: bytes, version: str | None) -> str:
        """Write if the key still is at a version (None: nothing lies there); its new version.

        Raises:
            StoreConflict: somebody else has written meanwhile.
        """
        ...

    def exists(self, key: str) -> bool:
        """Whether something lies under the key."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes under a key, or None when there is nothing."""
        ...

    def sizes(self, prefix: str) -> dict[str, int]:
        """Key → bytes of everything below a prefix folder, asked at once."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Keys directly or deeper below a prefix folder, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens when it is not there."""
        ...

    def lock(self, name: str, *, wait_seconds: float, purpose: str) -> AbstractContextManager[None]:
        """Hold a named lock that ends with the process.

        Raises:
            PartitionBusy: another process held it for all of `wait_seconds`.
        """
        ...

    def path(self, key: str) -> Path:
        """A local file with the content of a key (for libraries that only take paths); read it at once."""
        ...

    def folder(self, key: str) -> Path:
        """A local folder into which files of the keys below `key` may be written; tell `placed` of each."""
        ...

    def placed(self, key: str) -> None:
        """A file that was written into its `folder` becomes part of the store. Returns when it is."""
        ...

    def damage(self, key: str) -> str | None:
        """What is wrong with the bytes under a key, all of which are read; None when nothing is."""
        ...

    def address(self, key: str) -> str:
        """Where a key lies, for people to read."""
        ...

    def signed_url(self, key: str, seconds: int) -> str | None:
        """An address from which anybody may read the bytes for a while; None where there is no such thing."""
        ...
