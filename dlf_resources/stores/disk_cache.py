"""Copies on this disk of what lies in an object store, up to a size; what was used longest ago goes first."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dlf_resources.stores.local import explained

_KEPT_SECONDS = 600.0
"""What was used so recently stays: whoever was told its path may be about to open it."""
_FILL = 0.9
_AGAIN_SECONDS = 30.0
"""Until it is tried again to make room where nothing might go: each time every file is looked at."""


class DiskCache:
    """Files by key below a folder. Several processes may share it.

    Args:
        folder: made when something is put there.
        most_bytes: above it, files are removed until 90 % of it are left.
    """

    def __init__(self, folder: Path, most_bytes: int):
        self.folder = folder
        self._most = most_bytes
        self._bytes: int | None = None
        self._full_until = 0.0
        self._lock = threading.Lock()

    def path(self, key: str) -> Path:
        """Where the copy of a key is, if there is one."""
        return self.folder.joinpath(*key.split("/"))

    def used(self, key: str) -> Path | None:
        """The copy of a key, which stays for the next ten minutes; None when there is none."""
        file = self.path(key)
        try:
            os.utime(file)
        except OSError:
            return None
        return file

    def fill(self, key: str, write: Callable[[Path], object]) -> Path:
        """Make room, and let `write` put a file at a path."""
        file = self.path(key)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file)
        except OSError as error:
            raise explained(error, file, "write") from None
        self.added(file)
        return file

    def added(self, file: Path) -> None:
        """Count a file that was put there; remove others if it is too much."""
        with self._lock:
            if self._bytes is None:
                self._bytes = sum(size for _, size, _ in self._files())
            else:
                with contextlib.suppress(OSError):
                    self._bytes += file.stat().st_size
            if self._bytes > self._most and time.monotonic() >= self._full_until:
                self._evict()

    def remove(self, key: str) -> None:
        """Forget a key."""
        with contextlib.suppress(OSError):
            self.path(key).unlink()

    def _evict(self) -> None:
        files = sorted(self._files())
        left = sum(size for _, size, _ in files)
        young = time.time() - _KEPT_SECONDS
        for used, size, file in files:
            if left <= self._most * _FILL or used > young:
                break
            with contextlib.suppress(OSError):
                file.unlink()
                left -= size
        self._bytes = left
        if left > self._most:
            self._full_until = time.monotonic() + _AGAIN_SECONDS

    def _files(self) -> list[tuple[float, int, Path]]:
        """When it was used last, its size and where it is, of each file."""
        found = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                file = Path(folder) / name
                with contextlib.suppress(OSError):
                    info = file.stat()
                    found.append((info.st_mtime, info.st_size, file))
        return found
