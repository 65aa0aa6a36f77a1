"""The image files of a data set: upright, one frame, 8-bit RGB, in a format that every trainer reads."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from PIL import Image

from dlf_resources.images import open_upright, plain
from dlf_resources.stores.base import Store
from dlf_resources.stores.local import LocalStore

AT_ONCE = 16
"""Pictures that are fetched at a time from a store that is not on this disk."""
JPEG_QUALITY = 95
_KEPT_FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


class Placing(StrEnum):
    """How image files come into a folder."""

    LINK = "link"
    COPY = "copy"
    NONE = "none"


def file_name_of(image_id: str, image_format: str) -> str:
    """The name of an image in a data set. Formats that trainers do not all read become JPEG."""
    return f"{image_id}.{_KEPT_FORMATS.get(image_format, 'jpg')}"


class StoredPictures:
    """Pictures of a store.

    Args:
        store: where they lie.
        keys: image id → key.
        link: files that every reader sees alike become hard links, where the disk knows them.
    """

    def __init__(self, store: Store, keys: Mapping[str, str], *, link: bool = True):
        self._store = store
        self._keys = keys
        self._link = link
        self.at_once = 1 if isinstance(store, LocalStore) else AT_ONCE

    def place(self, image_id: str, target: Path) -> None:
        """Put an image's file at a path. What every reader sees alike is taken as it is; the rest is encoded anew."""
        raw = self._store.path(self._keys[image_id])
        content = raw.read_bytes()
        if not _as_it_is(content, raw.suffix, target.suffix):
            target.write_bytes(_encoded(content, target.suffix))
        elif self._link:
            try:
                os.link(raw, target)
            except OSError:
                shutil.copyfile(raw, target)
        else:
            target.write_bytes(content)

    def read(self, image_id: str, file_name: str) -> bytes:
        """The bytes that `place` would put there."""
        raw = self._store.path(self._keys[image_id])
        content = raw.read_bytes()
        suffix = Path(file_name).suffix
        return content if _as_it_is(content, raw.suffix, suffix) else _encoded(content, suffix)


def _as_it_is(content: bytes, suffix: str, wanted: str) -> bool:
    return suffix == wanted and plain(content)


def _encoded(content: bytes, suffix: str) -> bytes:
    upright: Image.Image = open_upright(content)
    buffer = io.BytesIO()
    if suffix == ".jpg":
        upright.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        upright.save(buffer, suffix[1:].upper(), lossless=True)
    return buffer.getvalue()
