"""A picture that every model server must be able to read: for a server that fails, and for `dlf status`."""

from __future__ import annotations

import functools
import io

from PIL import Image

from dlf_resources.picture import Picture


@functools.cache
def _red_square() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (112, 112), (200, 30, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


def probe_picture() -> Picture:
    """A red square of 112 × 112 pixels."""
    return Picture(_red_square)
