"""Thumbnails of images, as the review page shows them in its grid: WebP, 256 px on the longer side.

An image is named by its bytes, and its thumbnail by the image: what lies there never changes.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dlf_core.errors import ImageRejected
from dlf_resources.images import open_upright
from dlf_resources.stores.base import Store

SIDE = 256
_QUALITY = 80
AT_ONCE = 2
"""Pictures that are decoded at a time: each may be some 200 MB large while it is."""
_turns = threading.BoundedSemaphore(AT_ONCE)


def thumbnail_key(image_id: str) -> str:
    """Where an image's thumbnail lies: on this disk, also where the project's data lies in a bucket."""
    return f"thumbs/{image_id[:2]}/{image_id}.webp"


def thumbnail(store: Store, image_id: str, path: str) -> Path:
    """The file of an image's thumbnail, made when it is not there.

    Args:
        store: where both lie.
        image_id: of the image.
        path: key of the image.

    Raises:
        ImageRejected: the image is damaged.
        StoreError: the image is gone, or nothing can be written.
    """
    file = store.path(thumbnail_key(image_id))
    if not file.is_file():
        content = store.get(path)
        with _turns:
            small = _shrunk(content)
        store.put(thumbnail_key(image_id), small, durable=False)
    return file


def make_thumbnails(store: Store, images: Iterable[tuple[str, str]]) -> tuple[int, int, list[str]]:
    """Make those that are missing.

    Args:
        store: where images and thumbnails lie.
        images: id and key of each image.

    Returns:
        How many were made, how many were there, and a sentence for each image that has none.
    """
    made = there = 0
    problems: list[str] = []

    def one(image: tuple[str, str]) -> tuple[bool, str | None]:
        if store.exists(thumbnail_key(image[0])):
            return False, None
        try:
            thumbnail(store, *image)
        except ImageRejected as rejected:
            return False, f"{image[1]}: {rejected.reason}"
        return True, None

    with ThreadPoolExecutor(AT_ONCE, "thumbnails") as pool:
        for fresh, problem in pool.map(one, images):
            made, there = made + fresh, there + (not fresh and problem is None)
            problems += [problem] if problem is not None else []
    return made, there, problems


def _shrunk(content: bytes) -> bytes:
    buffer = io.BytesIO()
    open_upright(content, SIDE).save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
