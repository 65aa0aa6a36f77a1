"""Pictures of what a data set holds: boxes by class, and how large they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dlf_core.formats.dataset import Dataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_CLASSES = 40
_MOST_LETTERS = 40
_COLOUR = "#3b6ea5"
_DPI = 110


def class_histogram(dataset: Dataset) -> bytes:
    """Boxes of each class, as a PNG; of many classes the most frequent."""
    names, counts = np.unique(np.array(dataset.box_table["class_name"].to_pylist(), dtype=object), return_counts=True)
    found = dict(zip(names.tolist(), counts.tolist(), strict=True))
    rows = sorted(((found.get(name, 0), name) for name in dataset.classes), reverse=True)[:_MOST_CLASSES]
    figure, axes = _figure(7, max(1.6, 0.32 * len(rows) + 0.9))
    places = list(range(len(rows)))
    bars = axes.barh(places, [count for count, _ in rows], color=_COLOUR)
    axes.set_yticks(places, [drawable(name) for _, name in rows], parse_math=False)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(_whole_numbers())
    axes.set_xlabel("boxes")
    axes.set_title("Boxes by class")
    return _png(figure)


def box_sizes(dataset: Dataset) -> bytes:
    """Width and height of the boxes as shares of the image's, as a PNG."""
    boxes = dataset.box_table
    sides = [boxes[f"{axis}2"].to_numpy() - boxes[f"{axis}1"].to_numpy() for axis in "xy"]
    figure, axes = _figure(5.2, 4.4)
    shown = axes.hist2d(*sides, bins=40, range=[[0, 1], [0, 1]], cmin=1, cmap="viridis")
    if len(boxes):
        figure.colorbar(shown[3], ax=axes, label="boxes", ticks=_whole_numbers())
    axes.set_xlabel("width, share of the image's")
    axes.set_ylabel("height, share of the image's")
    axes.set_title("Sizes of boxes")
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    # Not pyplot: that keeps every figure, and asks for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def drawable(name: str) -> str:
    """A name of some forty letters; a square for each that the font lacks."""
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_char_index
    line = " ".join(name.split())
    short = line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "…"
    return "".join(sign if known(ord(sign)) else "□" for sign in short)


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without its version, so that equal data sets have equal pictures.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
