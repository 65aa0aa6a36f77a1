"""Images and their thumbnails, as a browser shows them: upright, and no larger than they must be."""

from __future__ import annotations

import io
import threading
from pathlib import Path, PurePosixPath

from dlf_core.errors import ImageRejected
from dlf_resources.images import open_upright, plain
from dlf_resources.stores.base import Store
from review_ui.problems import Missing

THUMB_SIDE = 256
_QUALITY = 80
_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_AT_ONCE = threading.BoundedSemaphore(2)
"""Pictures that are decoded at a time: each may be some 200 MB large while it is."""


def thumb_key(image_id: str) -> str:
    """Where an image's thumbnail lies. An image is named by its bytes: what lies there never changes."""
    return f"thumbs/{image_id[:2]}/{image_id}.webp"


def thumbnail(store: Store, image_id: str, path: str) -> Path:
    """The file of an image's thumbnail, made when it is not there: 256 px on the longer side, WebP.

    Raises:
        Missing: the image is gone or damaged.
    """
    file = store.path(thumb_key(image_id))
    if file.is_file():
        return file
    with _AT_ONCE:
        if not file.is_file():
            store.put(thumb_key(image_id), _shrunk(_content(store, image_id, path)), durable=False)
    return file


def picture(store: Store, image_id: str, path: str) -> tuple[bytes, str]:
    """An image's bytes and media type: as it lies there where every browser shows it so, else encoded anew.

    Raises:
        Missing: the image is gone or damaged.
    """
    content = _content(store, image_id, path)
    try:
        known = _TYPES.get(PurePosixPath(path).suffix[1:].lower())
        if known is not None and plain(content):
            return content, known
        with _AT_ONCE:
            buffer = io.BytesIO()
            open_upright(content).save(buffer, "WEBP", quality=95)
        return buffer.getvalue(), "image/webp"
    except ImageRejected as error:
        raise Missing("damaged", f"image {image_id} cannot be shown: {error.reason}.") from None


def _content(store: Store, image_id: str, path: str) -> bytes:
    if not store.exists(path):
        raise Missing("no_file", f"the file of image {image_id} is gone; `dlf store verify` tells what else is.")
    return store.get(path)


def _shrunk(content: bytes) -> bytes:
    try:
        image = open_upright(content, THUMB_SIDE)
    except ImageRejected as error:
        raise Missing("damaged", f"the image cannot be shown: {error.reason}.") from None
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
