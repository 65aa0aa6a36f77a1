"""Data sets that differ from another in a part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dlf_core.formats.dataset import Dataset, LabeledImage


def changed(
    dataset: Dataset,
    *,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    images: Iterable[LabeledImage] | None = None,
) -> Dataset:
    """The data set with other parts."""
    return Dataset.of(
        dataset.name if name is None else name,
        dataset.classes if classes is None else classes,
        dataset.images if images is None else images,
        dataset.description,
    )
