"""Boxes in a vision-language model's free text: `[{"bbox_2d": [x1, y1, x2, y2], "label": "…"}]`.

Qwen2.5-VL counts in pixels of the image as it saw it (after its own resize to multiples of 28); Qwen3-VL, and Qwen2-VL
before it, in thousandths of the image's sides. (Qwen2.5-VL technical report, arXiv 2502.13923, section 2.1.1; Qwen3-VL
cookbook "2d_grounding".)
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

# smart_resize of Qwen2-VL and Qwen2.5-VL: sides are multiples of patch size 14 × merge size 2.
FACTOR = 28
_OBJECT = re.compile(r"\{[^{}]*\}")
_BARE = re.compile(r"\[\s*(-?[\d.]+(?:[eE][-+]?\d+)?(?:\s*,\s*-?[\d.]+(?:[eE][-+]?\d+)?){3})\s*\]")
_EMPTY = re.compile(r"\[\s*\]|\{\s*\}")
_NONE_HERE = re.compile(
    r"\b(?:there (?:is|are) no|no (?:such )?(?:\w+ )?(?:object|instance)s?|none|not (?:visible|present|found))\b",
    re.IGNORECASE,
)
# A model that was shown nothing, or will not draw, has not said that there is none.
_CANNOT = re.compile(r"\bno (?:image|picture|photo|way)\b|\b(?:can ?not|can't|unable|sorry|not able)\b", re.IGNORECASE)
_KEYS = ("bbox_2d", "bbox", "box_2d", "box")
# A rounding error at the border is no lie.
_SLACK = 0.02


class Units(StrEnum):
    """What the numbers of a box count."""

    PIXELS = "pixels"
    THOUSANDTHS = "thousandths"


@dataclass(frozen=True, slots=True)
class SaidBoxes:
    """Boxes read from an answer.

    Attributes:
        boxes: `x1 y1 x2 y2` in [0, 1].
        rejected: boxes out of range, inverted or not finite, left out.
        understood: whether the answer was a list of boxes at all (an empty list is).
    """

    boxes: list[tuple[float, float, float, float]]
    rejected: int
    understood: bool


def units_of(model: str) -> Units | None:
    """What a model of this name counts in; None for a name that tells nothing.

    Example:
        >>> units_of("mlx-community/Qwen2.5-VL-3B-Instruct-4bit").value, units_of("Qwen/Qwen3-VL-8B-Instruct").value
        ('pixels', 'thousandths')
    """
    name = re.sub(r"[\s_]+", "-", model.casefold())
    version = re.search(r"qwen-?(\d+)(?:[.p-]?(5))?(?!\d)", name)
    if version is None:
        return None
    if version.group(1) in ("2", "25") and (version.group(2) == "5" or version.group(1) == "25"):
        return Units.PIXELS
    return Units.THOUSANDTHS


def smart_resize(width: int, height: int, min_pixels: int = 3136, max_pixels: int = 12_845_056) -> tuple[int, int]:
    """Width and height of an image as Qwen2.5-VL sees it (its `smart_resize`, in `Qwen2VLImageProcessor`)."""
    wide, high = max(FACTOR, round(width / FACTOR) * FACTOR), max(FACTOR, round(height / FACTOR) * FACTOR)
    if wide * high > max_pixels:
        beta = math.sqrt(width * height / max_pixels)
        wide = max(FACTOR, math.floor(width / beta / FACTOR) * FACTOR)
        high = max(FACTOR, math.floor(height / beta / FACTOR) * FACTOR)
    elif wide * high < min_pixels:
        beta = math.sqrt(min_pixels / (width * height))
        wide, high = math.ceil(width * beta / FACTOR) * FACTOR, math.ceil(height * beta / FACTOR) * FACTOR
    return wide, high


def parse_boxes(text: str, units: Units | None, width: int, height: int) -> SaidBoxes:
    """The boxes in an answer about an image that was sent with `width` × `height` pixels.

    Reads inside a code fence and out of an answer that was cut off or goes on after the list. Without `units`, numbers
    that do not fit the image as pixels are thousandths.

    Example:
        >>> parse_boxes('[{"bbox_2d": [0, 0, 500, 1000], "label": "dog"}]', Units.THOUSANDTHS, 640, 480).boxes
        [(0.0, 0.0, 0.5, 1.0)]
    """
    said = list(_said(text))
    wide, high = map(float, smart_resize(width, height))
    seen = (wide * (1 + _SLACK), high * (1 + _SLACK)) * 2
    fits = all(value <= side for n in said if all(map(math.isfinite, n)) for value, side in zip(n, seen, strict=True))
    if units is Units.THOUSANDTHS or (units is None and not fits):
        wide = high = 1000.0
    found: dict[tuple[float, float, float, float], None] = {}
    rejected = 0
    for numbers in said:
        x1, y1, x2, y2 = (value / side for value, side in zip(numbers, (wide, high, wide, high), strict=True))
        inside = all(math.isfinite(v) and -_SLACK <= v <= 1 + _SLACK for v in (x1, y1, x2, y2))
        x1, y1, x2, y2 = max(0.0, x1), max(0.0, y1), min(1.0, x2), min(1.0, y2)
        if not inside or x1 >= x2 or y1 >= y2:
            rejected += 1
            continue
        found[x1, y1, x2, y2] = None
    declined = bool(_NONE_HERE.search(text)) and not _CANNOT.search(text)
    understood = bool(found or rejected or _EMPTY.search(text)) or declined
    return SaidBoxes(list(found), rejected, understood)


def _said(text: str) -> Iterator[tuple[float, float, float, float]]:
    """Quadruples of numbers, in order."""
    any_object = False
    for match in _OBJECT.finditer(text):
        try:
            said = json.loads(match.group())
        except (ValueError, RecursionError):
            continue
        for key in _KEYS:
            numbers = said.get(key)
            if isinstance(numbers, list) and len(numbers) == 4:
                any_object = True
                try:
                    x1, y1, x2, y2 = (float(value) for value in numbers)
                except (TypeError, ValueError, OverflowError):
                    x1 = y1 = x2 = y2 = math.nan
                yield x1, y1, x2, y2
                break
    if any_object:
        return
    for match in _BARE.finditer(text):
        try:
            x1, y1, x2, y2 = (float(value) for value in match.group(1).split(","))
        except ValueError:
            continue
        yield x1, y1, x2, y2
