"""The identity of an image."""

from __future__ import annotations

import hashlib

IMAGE_ID_DIGITS = 32


def image_id_of(content: bytes) -> str:
    """The first 32 hex digits of SHA-256 over its bytes as fetched."""
    return hashlib.sha256(content).hexdigest()[:IMAGE_ID_DIGITS]
