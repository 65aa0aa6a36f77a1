"""Images as a browser shows them: upright, and no larger than they must be."""

from __future__ import annotations

import io
import threading
from pathlib import Path, PurePosixPath

from dlf_core.errors import ImageRejected
from dlf_resources import thumbnails
from dlf_resources.images import open_upright, plain
from dlf_resources.stores.base import Store
from review_ui.problems import Missing

_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_turns = threading.BoundedSemaphore(thumbnails.AT_ONCE)


def thumbnail(store: Store, image_id: str, path: str) -> Path:
    """The file of an image's thumbnail, made when it is not there.

    Raises:
        Missing: the image is gone or damaged.
    """
    if not store.exists(thumbnails.thumbnail_key(image_id)):
        _see_that_it_is_there(store, image_id, path)
    try:
        return thumbnails.thumbnail(store, image_id, path)
    except ImageRejected as error:
        raise _damaged(image_id, error) from None


def picture(store: Store, image_id: str, path: str) -> tuple[bytes, str]:
    """An image's bytes and media type: as it lies there where every browser shows it so, else encoded anew.

    Raises:
        Missing: the image is gone or damaged.
    """
    _see_that_it_is_there(store, image_id, path)
    content = store.get(path)
    try:
        known = _TYPES.get(PurePosixPath(path).suffix[1:].lower())
        if known is not None and plain(content):
            return content, known
        with _turns:
            buffer = io.BytesIO()
            open_upright(content).save(buffer, "WEBP", quality=95)
        return buffer.getvalue(), "image/webp"
    except ImageRejected as error:
        raise _damaged(image_id, error) from None


def _see_that_it_is_there(store: Store, image_id: str, path: str) -> None:
    if not store.exists(path):
        raise Missing("no_file", f"the file of image {image_id} is gone; `dlf store verify` tells what else is.")


def _damaged(image_id: str, error: ImageRejected) -> Missing:
    return Missing("damaged", f"image {image_id} cannot be shown: {error.reason}.")
