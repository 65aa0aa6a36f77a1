"""The upright size of a picture, from its head: nothing is decoded, which would take four hundred times as long."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112


def upright_size(source: Path | IO[bytes]) -> tuple[int, int]:
    """Width and height.

    Raises:
        ValueError: it is no picture.
    """
    from PIL import Image

    try:
        with Image.open(source) as opened:
            (width, height), turned = opened.size, _is_turned(opened)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("is not an image that can be read") from None
    return (height, width) if turned else (width, height)


def _is_turned(opened: Image.Image) -> bool:
    try:
        # Pillow tells the upright size of a TIFF.
        return opened.format != "TIFF" and opened.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception:  # a damaged EXIF block
        return False
