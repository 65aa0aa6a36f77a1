"""What every reader owes: a data set that can be worked with, or one sentence that names the file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dlf_core.errors import FormatError
from dlf_core.formats.dataset import Dataset

Read = Callable[[Path], Dataset]


def said(error: BaseException) -> str:
    """An error's first line, without its full stop."""
    text = str(error).strip() or type(error).__name__
    return " ".join(text.splitlines()[0].split())[:200].rstrip(".")


def reader(what: str, *, sizes: bool = True) -> Callable[[Read], Read]:
    """Have a reader raise nothing but `FormatError`, whatever lies in the file, and return only what is sound.

    Args:
        what: what the file should have been, for the message.
        sizes: also images without boxes have a width and a height.
    """

    def decorated(read: Read) -> Read:
        @functools.wraps(read)
        def checked(path: Path) -> Dataset:
            try:
                dataset = read(path)
            except (FormatError, MemoryError):
                raise
            except OSError as error:
                raise FormatError(f"{path}: cannot be read: {error.strerror or said(error)}.") from None
            except Exception as error:  # a stranger's file may hold anything in any place
                raise FormatError(f"{path}: is not {what}: {said(error)}.") from None
            if (problem := _problem(dataset, sizes)) is not None:
                raise FormatError(f"{path}: {problem}.")
            return dataset

        return checked

    return decorated


def _problem(dataset: Dataset, sizes: bool) -> str | None:
    images, boxes = dataset.image_table, dataset.box_table
    for name in ("image_id", "file_name", "width", "height", "split"):
        if images[name].null_count:
            return f"an image has no {name}"
    small = (images["width"].to_numpy() < 1) | (images["height"].to_numpy() < 1)
    if not sizes:
        small &= images["box_count"].to_numpy() > 0
    if small.any():
        return "an image has width or height 0"
    if boxes["class_name"].null_count:
        return "a box has no class"
    for name in ("x1", "y1", "x2", "y2"):
        if boxes[name].null_count or not np.isfinite(boxes[name].to_numpy()).all():
            return "a corner of a box is no number"
    return None


def classes_of(declared: list[str], dataset: Dataset) -> list[str]:
    """The classes a file declares, and then those that only its boxes name."""
    used = dataset.box_table["class_name"].cast("string").unique().to_pylist()
    return list(dict.fromkeys([*declared, *sorted(name for name in used if name is not None)]))
