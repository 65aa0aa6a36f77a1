"""Whether two pictures are the same one: by their thumbnails, and where these cannot tell, by a closer look.

The thumbnails of two pictures whose hashes are near are laid over each other (`registration.py`) and compared block by
block. That cannot tell one page of text from another, so pictures with much of one grey value, and pairs that agree
only half, are looked at again with more pixels. The figures behind the thresholds are in docs/performance.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlf_core.errors import ImageRejected
from dlf_resources.duplicates.fingerprint import SIDE, Fingerprints
from dlf_resources.duplicates.registration import Bools, Float, Rule, agreement, register, shrunk, warped
from dlf_resources.images import open_grey

RADIUS = 16
"""Greatest Hamming distance of two hashes whose pictures are compared."""
ACCEPT = 0.65
"""Least score of the same picture."""
DOUBT = 0.45
"""Least score of a pair that deserves the second look."""
SECOND_SIDE = 288
"""Pixels of the side in the second look."""
SECOND_ACCEPT = 0.76
"""Least score of the same picture in the second look."""

_KEEP = 0.78  # share of the pixels that decide the registration; a watermark may cover the others
_PREFILTER = 0.35  # correlation without registration below which no crop of 5 % explains the difference
_OTHER_WAY = 0.2  # least score for which the other direction of the registration is worth trying
_MIN_FINE = 2.0  # grey levels of root mean square detail; a ramp of grey has none, and all ramps look alike
_PLAIN_WIDTH = 8  # grey levels on either side of the most common one
_PLAIN_SHARE = 0.4  # of all pixels so near it: a page, a drawing, a logo
_PLAIN_DARK, _PLAIN_BRIGHT = 64, 200  # grey values between these are skies and meadows, not paper or a dark screen
_SECOND_KEEPS = (0.78, 1.0)  # lines of text mislead one registration, a few lines on a white ground the other
_SECOND_SIDES = (24, 48, 96)  # registered from coarse to fine; the finest motion is applied at SECOND_SIDE
_MIRROR_MARGIN = 0.02
_RULE = Rule(block=6, texture=3.0, least=5, quantile=0.3)  # 16 blocks
_SECOND_RULE = Rule(block=24, texture=5.0, least=12, quantile=0.075)  # 144 blocks
_BATCH = 250  # pairs compared at once: more of them do not fit into the processor's cache


class Verdict(NamedTuple):
    """Of n pairs. A doubtful pair is the same only if `closer_look` says so; no pair is both."""

    same: Bools
    doubtful: Bools
    mirrored: Bools  # the second picture is the first one's mirror image
    score: Float  # in [-1, 1]


_NOTHING = Verdict(np.empty(0, np.bool_), np.empty(0, np.bool_), np.empty(0, np.bool_), np.empty(0, np.float32))


def compare(first: Fingerprints, mirrored: NDArray[np.uint64], second: Fingerprints) -> Verdict:
    """Compare n pairs of pictures by what is stored of them.

    Pictures without texture are never the same by this measure: only equal bytes can tell. Both orientations are tried
    where both hashes are near; the mirrored one wins only by a clearly better score, so that a copy of a symmetric
    picture counts as plain.

    Args:
        first: one picture of each pair.
        mirrored: `[n]` the hashes of their mirror images.
        second: the other one of each pair.
    """
    parts = [
        _compared(first.take(part), mirrored[part], second.take(part))
        for part in (np.arange(begin, min(begin + _BATCH, len(mirrored))) for begin in range(0, len(mirrored), _BATCH))
    ]
    return Verdict(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else _NOTHING


def _compared(first: Fingerprints, mirrored: NDArray[np.uint64], second: Fingerprints) -> Verdict:
    usable = _textured(first.thumbs) & _textured(second.thumbs)
    plain = (np.bitwise_count(first.hashes ^ second.hashes) <= RADIUS) & usable
    turned = (np.bitwise_count(mirrored ^ second.hashes) <= RADIUS) & usable
    upright = _scores(plain, first.thumbs, second.thumbs)
    other = _scores(turned, first.thumbs[:, :, ::-1], second.thumbs)
    score = np.maximum(upright, other)
    risky = _plain(first.thumbs) | _plain(second.thumbs) | (score < ACCEPT)
    return Verdict((score >= ACCEPT) & ~risky, (score >= DOUBT) & risky, other > upright + _MIRROR_MARGIN, score)


def closer_look(first: bytes, second: bytes, mirrored: bool) -> bool:
    """Whether two image files show the same picture, with more pixels than the thumbnails have."""
    try:
        pair = [open_grey(content, 2 * SECOND_SIDE) for content in (first, second)]
    except ImageRejected:
        return False
    return second_look(pair[0], pair[1], mirrored) >= SECOND_ACCEPT


def _scores(chosen: Bools, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Float:
    """Scores of the chosen pairs; where `second` does not fit onto `first`, `first` is fitted onto `second`."""
    score = np.full(len(chosen), -1, np.float32)
    rows = np.flatnonzero(chosen)
    rows = rows[_correlation(_flat(first[rows]), _flat(second[rows])) >= _PREFILTER]
    if len(rows):
        a, b = first[rows].astype(np.float32), second[rows].astype(np.float32)
        score[rows] = agreement(a, register(a, b, _KEEP), _RULE)
        again = (score[rows] < ACCEPT) & (score[rows] >= _OTHER_WAY)
        rows, a, b = rows[again], a[again], b[again]
    if len(rows):
        score[rows] = np.maximum(score[rows], agreement(b, register(b, a, _KEEP), _RULE))
    return score


def _textured(thumb: NDArray[np.uint8]) -> Bools:
    """Whether a thumbnail has detail beyond noise and smooth ramps: root mean square of its Laplacian."""
    x = thumb.astype(np.float32)
    near = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    fine = x[:, 1:-1, 1:-1] - near / 4
    enough: Bools = (fine * fine).mean((1, 2)) >= _MIN_FINE**2
    return enough


def _plain(thumb: NDArray[np.uint8]) -> Bools:
    """Whether one dark or bright grey value covers much of a thumbnail, as on pages, drawings and logos."""
    values = np.sort(thumb.reshape(len(thumb), SIDE * SIDE), axis=1).astype(np.int16)
    window = int(_PLAIN_SHARE * SIDE * SIDE)
    widths = values[:, window:] - values[:, :-window]
    start = widths.argmin(1)
    rows = np.arange(len(values))
    common = values[rows, start + window // 2]
    outer = (common <= _PLAIN_DARK) | (common >= _PLAIN_BRIGHT)
    plain: Bools = (widths[rows, start] <= 2 * _PLAIN_WIDTH) & outer
    return plain


def second_look(first: Image.Image, second: Image.Image, mirrored: bool) -> float:
    """Score of one pair of pictures decoded with at least SECOND_SIDE pixels a side; for the same, SECOND_ACCEPT."""
    pair = [np.asarray(x.convert("L").resize((SECOND_SIDE,) * 2, Image.Resampling.BILINEAR)) for x in (first, second)]
    a, b = (x.astype(np.float32)[None] for x in pair)
    if mirrored:
        a = a[:, :, ::-1]
    scores = []
    for keep in _SECOND_KEEPS:
        motion = np.zeros((1, 4), np.float32)
        for side in _SECOND_SIDES:
            motion = register(shrunk(a, side), shrunk(b, side), keep, motion).motion
        scores.append(agreement(a, warped(b, motion), _SECOND_RULE)[0])
    return float(max(scores))


def _flat(x: NDArray[np.uint8]) -> Float:
    return x.reshape(len(x), x.shape[1] * x.shape[2]).astype(np.float32)


def _correlation(a: Float, b: Float) -> Float:
    a = a - a.mean(1, keepdims=True)
    b = b - b.mean(1, keepdims=True)
    value: Float = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-3)
    return value
