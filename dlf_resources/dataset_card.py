"""The card of a data set, and its pictures, in a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlf_core.card import Provenance, card_markdown
from dlf_core.errors import StoreError
from dlf_core.formats.dataset import Dataset
from dlf_resources.dataset_plots import box_sizes, class_histogram

CARD = "README.md"
_PLOTS = {"Boxes by class": "plots/classes.png", "Sizes of boxes": "plots/box_sizes.png"}


def write_card(
    dataset: Dataset,
    made: Provenance,
    folder: Path,
    *,
    evaluation: Mapping[str, Any] | None = None,
    parquet: bool = False,
) -> None:
    """Write `README.md` and `plots/` into a folder that is there; nothing when they are as they would become.

    Raises:
        StoreError: the folder cannot be written.
    """
    plots = _PLOTS if dataset.box_count else {}
    text = card_markdown(dataset, made, evaluation=evaluation, plots=plots, parquet=parquet)
    try:
        there = {path for path in _PLOTS.values() if (folder / path).is_file()}
        if _is(folder / CARD, text.encode()) and there == set(plots.values()):
            return
        if not plots:
            shutil.rmtree(folder / "plots", ignore_errors=True)
        else:
            (folder / "plots").mkdir(exist_ok=True)
            _write(folder / _PLOTS["Boxes by class"], class_histogram(dataset))
            _write(folder / _PLOTS["Sizes of boxes"], box_sizes(dataset))
        _write(folder / CARD, text.encode())
    except OSError as error:
        raise StoreError(f"{folder}: cannot write the card: {error.strerror or error}; free some space.") from None


def _is(file: Path, content: bytes) -> bool:
    return file.is_file() and file.read_bytes() == content


def _write(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".tmp-{os.getpid()}-{file.name}")
    temporary.write_bytes(content)
    os.replace(temporary, file)
