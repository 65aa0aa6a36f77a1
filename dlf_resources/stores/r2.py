"""A store in Cloudflare R2, or in any S3: images, tables and reviews as objects; work in progress on this disk.

`raw/…`, `labels/<name>.json` and `labels/<stage>/<name>.parquet` lie in the bucket, below the project's prefixes. All
else is only of use on the machine that made it: rows of unfinished stages, searches, locks, the data set as files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from dlf_core.errors import StoreConflict, StoreError
from dlf_resources.stores.damage import damage_of
from dlf_resources.stores.disk_cache import DiskCache
from dlf_resources.stores.leases import lease
from dlf_resources.stores.local import LocalStore, explained
from dlf_resources.stores.r2_settings import R2Settings
from dlf_resources.stores.s3_errors import NotThere
from dlf_resources.stores.s3_objects import ObjectInfo, Objects

_RAW, _LABELS = "raw/", "labels/"
_TABLE = re.compile(r"labels/(?:[^/]+/[^/]+\.parquet|reviews/[^/]+\.json|[^/]+\.json)")
_PROJECT = ".project"


class Keys:
    """Keys of a project and of its objects."""

    def __init__(self, settings: R2Settings):
        self._settings = settings

    def shared(self, key: str) -> bool:
        """Whether a key lies in the bucket."""
        return key.startswith(_RAW) or key == self._settings.reviews_key or bool(_TABLE.fullmatch(key))

    @property
    def elsewhere(self) -> list[str]:
        """Keys that lie in the bucket, and in no folder that is listed."""
        key = self._settings.reviews_key
        return [] if key.startswith((_RAW, _LABELS)) else [key]

    def object_of(self, key: str) -> str:
        """The object of a key, or the prefix of a folder's objects."""
        for start, prefix in ((_RAW, self._settings.raw_prefix), (_LABELS, self._settings.labels_prefix)):
            if key.startswith(start):
                return prefix + key.removeprefix(start)
        return key

    def key_of(self, name: str) -> str | None:
        """The key of an object; None for one that is no key of ours."""
        if any(part in ("", ".", "..") for part in name.split("/")):
            return None  # no file can be called so; some tools mark folders by an object whose name ends with a slash
        if name in self.elsewhere:
            return name
        for start, prefix in ((_RAW, self._settings.raw_prefix), (_LABELS, self._settings.labels_prefix)):
            if name.startswith(prefix) and self.shared(key := start + name.removeprefix(prefix)):
                return key
        return None


class R2Store:
    """A project's store in a bucket.

    Args:
        root: the project's folder on this disk.
        settings: the bucket.
        project_name: a bucket's prefix belongs to one project.
    """

    name = "r2"

    def __init__(self, root: Path, settings: R2Settings, project_name: str):
        self.objects = Objects(settings)
        self.keys = Keys(settings)
        self._settings = settings
        self._project = project_name
        self._disk = LocalStore(root)
        self._cache = DiskCache(root / ".cache" / "r2" / settings.bucket, settings.cache_bytes)
        self._is_ours = False

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        if not self.keys.shared(key):
            return self._disk.get(key)
        try:
            if self._lasts(key):
                return self._there(key).read_bytes()
            return self.objects.get(self._name(key))
        except NotThere:
            raise self._missing(key) from None
        except OSError as error:
            raise explained(error, self._cache.path(key), "read") from None

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """See `Store.read_range`."""
        if not self.keys.shared(key):
            return self._disk.read_range(key, start, length)
        if self._lasts(key) and (file := self._cache.used(key)) is not None:
            with file.open("rb") as source:
                source.seek(start)
                return source.read(length)
        try:
            return self.objects.range(self._name(key), start, length)
        except NotThere:
            raise self._missing(key) from None

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """See `Store.put`."""
        if not self.keys.shared(key):
            self._disk.put(key, content, durable=durable)
            return
        name = self._name(key)
        self._claim()
        self.objects.put(name, content)
        if self._lasts(key):
            disk = LocalStore(self._cache.folder)
            self._cache.fill(key, lambda _: disk.put(key, content, durable=False))

    def version(self, key: str) -> str | None:
        """See `Store.version`."""
        if not self.keys.shared(key):
            return self._disk.version(key)
        info = self.objects.head(self._name(key))
        return None if info is None else info.etag

    def put_if(self, key: str, content: bytes, version: str | None) -> str:
        """See `Store.put_if`."""
        if not self.keys.shared(key):
            return self._disk.put_if(key, content, version)
        name = self._name(key)
        self._claim()
        try:
            return self.objects.put(name, content, condition=version or "*").etag
        except NotThere:  # IfMatch of what is gone
            raise StoreConflict(f"{self.address(key)}: somebody else has removed it meanwhile.") from None

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self.size(key) is not None

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        if not self.keys.shared(key):
            return self._disk.size(key)
        info = self.objects.head(self._name(key))
        return None if info is None else info.size

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `Store.sizes`."""
        here = {key: size for key, size in self._disk.sizes(prefix).items() if not self.keys.shared(key)}
        return here | self.shared_sizes(prefix)

    def list(self, prefix: str) -> Iterator[str]:
        """See `Store.list`."""
        here = (key for key in self._disk.list(prefix) if not self.keys.shared(key))
        yield from sorted({*here, *(key for key, _ in self._listed(prefix))})

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        if self.keys.shared(key):
            self.objects.delete(self._name(key))
            self._cache.remove(key)
        else:
            self._disk.delete(key)

    @contextlib.contextmanager
    def lock(self, name: str, *, wait_seconds: float, purpose: str) -> Iterator[None]:
        """See `Store.lock`. First among the processes of this machine, then among machines."""
        key = f"{self._settings.labels_prefix}.locks/{name}.json"
        with (
            self._disk.lock(name, wait_seconds=wait_seconds, purpose=purpose),
            lease(self.objects, key, self._machine(), wait_seconds=wait_seconds, purpose=purpose),
        ):
            yield

    def path(self, key: str) -> Path:
        """See `Store.path`. A copy on this disk; where there is no such object, a path without a file."""
        if not self.keys.shared(key):
            return self._disk.path(key)
        if self._lasts(key):
            with contextlib.suppress(NotThere):
                return self._there(key)
            return self._cache.path(key)
        name = self._name(key)
        info = self.objects.head(name)
        if info is None:
            return self._cache.path(key)
        copy = f"{key}@{info.etag}"
        if (file := self._cache.used(copy)) is not None:
            return file
        came: list[ObjectInfo] = []
        with contextlib.suppress(NotThere):
            self._cache.fill(copy, lambda file: came.append(self.objects.download(name, file)))
        if came and came[0].etag != info.etag:  # somebody has written it just now
            fresh = self._cache.path(f"{key}@{came[0].etag}")
            os.replace(self._cache.path(copy), fresh)
            return fresh
        return self._cache.path(copy)

    def folder(self, key: str) -> Path:
        """See `Store.folder`."""
        return self._cache.path(key) if self.keys.shared(f"{key}/") else self._disk.path(key)

    def placed(self, key: str) -> None:
        """See `Store.placed`."""
        if self.keys.shared(key):
            name = self._name(key)
            self._claim()
            file = self._cache.path(key)
            self.objects.put_file(name, file)
            self._cache.added(file)

    def damage(self, key: str) -> str | None:
        """See `Store.damage`."""
        if not self.keys.shared(key):
            return self._disk.damage(key)
        try:
            for _ in range(2):  # a bit may have turned on the way
                sha256, info = self.objects.digest(self._name(key))
                if (found := damage_of(key, sha256, info.sha256)) is None:
                    return None
        except NotThere:
            return "is gone"
        return found

    def recorded(self, key: str) -> str | None:
        """SHA-256 of an object as it was when it was written; None where we did not write it."""
        info = self.objects.head(self.keys.object_of(key))
        return None if info is None else info.sha256

    def shared_sizes(self, folder: str) -> dict[str, int]:
        """Key → bytes of the objects below a folder."""
        return {key: info.size for key, info in self._listed(folder)}

    def upload(self, key: str, file: Path) -> None:
        """Write an object from a file that lies anywhere.

        Raises:
            StoreError: it cannot be written; or it is an image, and not that of its name.
        """
        if self._lasts(key) and (found := damage_of(key, _hash_of(file), None)) is not None:
            raise StoreError(f"{file}: {found}")
        self._claim()
        self.objects.put_file(self._name(key), file)

    def download(self, key: str, file: Path) -> None:
        """Write an object to a file, atomically.

        Raises:
            StoreError: it is gone, or damaged.
        """
        try:
            self._fetch(key, file)
        except NotThere:
            raise self._missing(key) from None

    def address(self, key: str) -> str:
        """See `Store.address`; of nothing, the bucket's."""
        if not key or self.keys.shared(key):
            return f"r2://{self._settings.bucket}/{self.keys.object_of(key)}"
        return self._disk.address(key)

    def signed_url(self, key: str, seconds: int) -> str | None:
        """See `Store.signed_url`."""
        return self.objects.signed_url(self.keys.object_of(key), seconds) if self.keys.shared(key) else None

    def _listed(self, prefix: str) -> Iterator[tuple[str, ObjectInfo]]:
        folder = prefix.rstrip("/") + "/"
        if not folder.startswith((_RAW, _LABELS)):
            return
        for info in self.objects.list(self.keys.object_of(folder)):
            if (key := self.keys.key_of(info.key)) is not None and key.startswith(folder):
                yield key, info

    def _lasts(self, key: str) -> bool:
        """Whether what lies under a key never changes: an image is named by its bytes."""
        return key.startswith(_RAW)

    def _there(self, key: str) -> Path:
        """The copy of an image on this disk."""
        self._name(key)
        if (file := self._cache.used(key)) is not None:
            with contextlib.suppress(StoreError):  # it went just now
                if damage_of(key, _hash_of(file), None) is None:
                    return file
        return self._cache.fill(key, lambda target: self._fetch(key, target))

    def _fetch(self, key: str, file: Path) -> None:
        self.objects.download(self._name(key), file, lambda sha256: damage_of(key, sha256, None))

    def _name(self, key: str) -> str:
        """The object of a key.

        Raises:
            StoreError: it is no key.
        """
        self._disk.path(key)
        return self.keys.object_of(key)

    def _machine(self) -> str:
        """A name of this root here: whoever holds its lock on disk knows that no other process there does.

        A root may be copied to another machine, its name with it; so the machine's own is part of it, and its start's.
        """
        key = ".locks/machine"
        if not self._disk.exists(key):
            self._disk.put(key, uuid.uuid4().hex.encode())
        start = ""
        with contextlib.suppress(OSError):
            start = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return " ".join([self._disk.get(key).decode(), socket.gethostname(), start])

    def _missing(self, key: str) -> StoreError:
        return StoreError(f"{self.address(key)}: is not there; `dlf store push` uploads what lies on this disk.")

    def _claim(self) -> None:
        """See that the prefix is ours: tables of two projects in one folder would be taken for one another's.

        Raises:
            StoreError: it is another project's.
        """
        if self._is_ours:
            return
        key = self._settings.labels_prefix + _PROJECT
        try:
            self.objects.put(key, self._project.encode(), condition="*")
        except StoreConflict:
            owner = self.objects.get(key).decode(errors="replace")
            if owner != self._project:
                where = f"{self._settings.bucket}/{self._settings.labels_prefix}"
                own = f"raw_prefix: {self._project}/raw/, labels_prefix: {self._project}/labels/"
                way_out = f"prefixes of its own, such as r2: {{{own}}}"
                text = f"{where} holds the labels of project '{owner}'; give '{self._project}' {way_out}."
                raise StoreError(text) from None
        self._is_ours = True


def _hash_of(file: Path) -> str:
    try:
        with file.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise explained(error, file, "read") from None
