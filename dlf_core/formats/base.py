"""What a format is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlf_core.formats.dataset import Dataset

_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val"}
_SPLITS |= {"test": "test", "testing": "test"}


def split_named(word: str | None, otherwise: str = "train") -> str:
    """The split that others call so. It becomes part of file names: no other word of theirs may stay."""
    return _SPLITS.get((word or "").lower(), otherwise)


class Pictures(Protocol):
    """The image files of a data set, as every reader must see them: upright, one frame, 8-bit RGB.

    Attributes:
        at_once: how many are asked for at a time: several where they come over a network, one from a disk.
    """

    at_once: int

    def place(self, image_id: str, target: Path) -> None:
        """Put an image's file at a path; the format is that of the path's ending."""
        ...

    def read(self, image_id: str, file_name: str) -> bytes:
        """An image's bytes, in the format of the name's ending."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a data set.

    Attributes:
        title: what it is, in a line.
        write: puts a data set into an empty folder; without pictures, the labels only.
        read: a data set from such a folder, or from its one file of labels; raises `FormatError`, which names what
            cannot be read. Image ids that a file does not tell are the file
            names of the images, without ending.
        image_fields: fields of a `LabeledImage` that come back as they were.
        box_fields: fields of a `LabeledBox` that come back as they were; corners to a hundredth of a pixel.
        read_pictures: file names and bytes of the pictures that lie within its files; None where they are files.
    """

    title: str
    write: Callable[[Dataset, Path, Pictures | None], None]
    read: Callable[[Path], Dataset]
    image_fields: frozenset[str]
    box_fields: frozenset[str]
    read_pictures: Callable[[Path], Iterator[tuple[str, bytes]]] | None = None

    @property
    def pictures_inside(self) -> bool:
        """Whether pictures lie within its files, and not as files of their own."""
        return self.read_pictures is not None
