"""What is stored of a picture so that it is found again: a 64-bit hash, that of its mirror image, and a thumbnail.

Perceptual hash of the lowest 8 x 8 DCT coefficients (Zauner 2010, "Implementation and Benchmarking of Perceptual Image
Hash Functions", section 3.2.1; the variant with the DC term as in the `imagehash` package). Mirroring an image changes
the sign of its odd horizontal DCT-II frequencies, cos(pi (2(N-1-i)+1) k / 2N) = (-1)^k cos(pi (2i+1) k / 2N), so the
hash of the mirror image costs no second transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlf_core.hash_index import text_of

SIDE = 24
"""Pixels of the thumbnail's side; 576 bytes."""
DECODE_SIDE = 32
"""The shorter side that a picture should keep at least when it is decoded at a smaller scale."""
_HASH_SIDE, _HASH_LOW = 32, 8


def _cosines(side: int, low: int) -> NDArray[np.float32]:
    return np.cos(np.pi * (2 * np.arange(side) + 1) * np.arange(low)[:, None] / (2 * side)).astype(np.float32)


_COSINES = _cosines(_HASH_SIDE, _HASH_LOW)
_ODD = np.where(np.arange(_HASH_LOW) % 2, -1, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of one picture: 16 hex digits, the same of its mirror image, and SIDE × SIDE grey values."""

    phash: str
    phash_mirrored: str
    thumb: bytes


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Columns of many: `[n]` uint64 and `[n, SIDE, SIDE]` uint8."""

    hashes: NDArray[np.uint64]
    thumbs: NDArray[np.uint8]

    @classmethod
    def of(cls, thumbs: Sequence[bytes], hashes: NDArray[np.uint64]) -> Fingerprints:
        """From thumbnails as they are stored."""
        return cls(hashes, np.frombuffer(b"".join(thumbs), np.uint8).reshape(-1, SIDE, SIDE))

    def take(self, places: NDArray[np.int64]) -> Fingerprints:
        """Some of them."""
        return Fingerprints(self.hashes[places], self.thumbs[places])


def fingerprint(image: Image.Image) -> Fingerprint:
    """Of an upright picture of any size and mode."""
    grey = image if image.mode == "L" else image.convert("L")
    small = np.asarray(grey.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BILINEAR), dtype=np.float32)
    low = (_COSINES @ small @ _COSINES.T).astype(np.float32)
    thumb = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR).tobytes()
    return Fingerprint(text_of(_word(low)), text_of(_word(low * _ODD)), thumb)


def _word(low: NDArray[np.float32]) -> int:
    flat = low.ravel()
    middle = np.partition(flat, (31, 32))[31:33].sum() / 2
    return int.from_bytes(np.packbits(flat > middle).tobytes(), "big")
