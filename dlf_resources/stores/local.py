"""A store in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from dlf_core.errors import PartitionBusy, StoreConflict, StoreError
from dlf_resources.stores.damage import damage_of

_TEMPORARY = ".tmp-"
_STALE_SECONDS = 3600.0


class LocalStore:
    """Files below one folder, written to a temporary name and renamed.

    Args:
        root: the folder; made at the first write.
    """

    name = "local"

    def __init__(self, root: Path):
        self.root = root

    def path(self, key: str) -> Path:
        """The file of a key. Keys are relative and stay below the root."""
        parts = key.split("/")
        if key.startswith("/") or any(part in ("", ".", "..") for part in parts):
            raise StoreError(f"'{key}' is not a key of this store.")
        return self.root.joinpath(*parts)

    def get(self, key: str) -> bytes:
        """The bytes under a key."""
        try:
            return self.path(key).read_bytes()
        except OSError as error:
            raise explained(error, self.path(key), "read") from None

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Some of the bytes under a key; fewer at its end."""
        try:
            with self.path(key).open("rb") as source:
                source.seek(start)
                return source.read(length)
        except OSError as error:
            raise explained(error, self.path(key), "read") from None

    def version(self, key: str) -> str | None:
        """SHA-256 of the bytes under a key, or None when there is nothing."""
        try:
            with self.path(key).open("rb") as source:
                return hashlib.file_digest(source, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise explained(error, self.path(key), "read") from None

    def put_if(self, key: str, content: bytes, version: str | None) -> str:
        """Write if the key still is at a version (None: nothing lies there); its new version."""
        name = f"put-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        with self.lock(name, wait_seconds=30, purpose=f"the writing of {key}"):
            if self.version(key) != version:
                raise StoreConflict(f"{self.path(key)}: somebody else has written it meanwhile.")
            self.put(key, content)
        return hashlib.sha256(content).hexdigest()

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Write atomically; `durable` also waits until the disk has it."""
        target = self.path(key)
        temporary = target.parent / f"{_TEMPORARY}{os.getpid()}-{threading.get_ident()}-{time.monotonic_ns()}"
        try:
            try:
                _write(temporary, content, durable)
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(temporary, content, durable)
            try:
                os.replace(temporary, target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            if durable:
                _sync_folder(target.parent)
        except OSError as error:
            raise explained(error, target, "write") from None

    def exists(self, key: str) -> bool:
        """Whether a file lies under the key."""
        return self.path(key).is_file()

    def size(self, key: str) -> int | None:
        """Bytes of the file of a key, or None when there is none."""
        try:
            info = self.path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return info.st_size if stat.S_ISREG(info.st_mode) else None

    def sizes(self, prefix: str) -> dict[str, int]:
        """Key → bytes of everything below a folder."""
        found: dict[str, int] = {}
        start = str(self.root)
        for folder, _, names in os.walk(self.path(prefix.rstrip("/"))):
            within = os.path.relpath(folder, start).replace(os.sep, "/")
            for name in names:
                if not name.startswith(_TEMPORARY):
                    with contextlib.suppress(OSError):
                        found[f"{within}/{name}"] = os.stat(f"{folder}/{name}").st_size  # noqa: PTH116
        return found

    def folder(self, key: str) -> Path:
        """The folder of the keys below `key`."""
        return self.path(key)

    def placed(self, key: str) -> None:
        """A file in the store's folder is in the store."""

    def damage(self, key: str) -> str | None:
        """What is wrong with an image, which is named by its bytes; None when nothing is."""
        version = self.version(key)
        return "is gone" if version is None else damage_of(key, version, None)

    def address(self, key: str) -> str:
        """The file's path."""
        return str(self.path(key))

    def signed_url(self, key: str, seconds: int) -> str | None:
        """There is none."""
        return None

    def list(self, prefix: str) -> Iterator[str]:
        """Keys below a folder, sorted; unfinished writes are not among them, and old ones are removed."""
        folder = self.path(prefix.rstrip("/"))
        for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if file.name.startswith(_TEMPORARY):
                with contextlib.suppress(OSError):
                    if time.time() - file.stat().st_mtime > _STALE_SECONDS:
                        file.unlink()
            elif file.is_file():
                yield file.relative_to(self.root).as_posix()

    def delete(self, key: str) -> None:
        """Remove a file, and its folder when that was the last in it."""
        target = self.path(key)
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise explained(error, target, "delete") from None
        with contextlib.suppress(OSError):
            target.parent.rmdir()

    @contextlib.contextmanager
    def lock(self, name: str, *, wait_seconds: float, purpose: str) -> Iterator[None]:
        """Hold a lock file; the operating system frees it when the process ends, however it ends."""
        from filelock import FileLock, Timeout  # 5 MB that a process which only writes need not have

        file = self.path(f".locks/{name}.lock")
        holder = file.with_suffix(".holder.json")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(file)
            try:
                lock.acquire(timeout=wait_seconds)
            except Timeout:
                raise PartitionBusy(_busy(holder, purpose, wait_seconds)) from None
        except OSError as error:
            raise explained(error, file, "write") from None
        try:
            with contextlib.suppress(OSError):
                holder.write_text(json.dumps({"pid": os.getpid(), "since": time.time()}))
            yield
        finally:
            with contextlib.suppress(OSError):
                holder.unlink(missing_ok=True)
            lock.release()


def _write(file: Path, content: bytes, durable: bool) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        left = memoryview(content)
        while left:  # a full disk takes the first part and refuses the next
            left = left[os.write(descriptor, left) :]
        if durable:
            os.fsync(descriptor)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _busy(holder: Path, purpose: str, waited: float) -> str:
    who = "another process"
    with contextlib.suppress(OSError, ValueError, KeyError):
        said = json.loads(holder.read_text())
        who = f"process {said['pid']} (for {time.time() - said['since']:.0f} s)"
    return f"{purpose} is being done by {who}; waited {waited:.0f} s. Let it finish or stop it, then run this again."


def explained(error: OSError, path: Path, action: str) -> StoreError:
    """An error of the disk as a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{path}: the disk is full; free some space or move the data with data_root or DLF_DATA_ROOT. "
            "What was computed is kept; run the same command again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR) or (
        error.errno == errno.ENOENT and action == "write"
    ):
        return StoreError(
            f"{path}: cannot {action} ({error.strerror}); choose a writable data_root in the YAML or set DLF_DATA_ROOT."
        )
    return StoreError(f"{path}: cannot {action}: {error.strerror or error}.")


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system lets a folder be synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
