"""The protocol of a store: bytes under relative, slash-separated keys such as `raw/positive/x/<id>.jpg`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Bytes by key. Every error is a `StoreError` whose text names the key and the way out."""

    def get(self, key: str) -> bytes:
        """The bytes under a key."""
        ...

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Write atomically: a reader sees the old bytes or the new, never a part. Durable: survives power loss."""
        ...

    def exists(self, key: str) -> bool:
        """Whether something lies under the key."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes under a key, or None when there is nothing."""
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
        """A local file with the content of a key (for libraries that only take paths)."""
        ...
