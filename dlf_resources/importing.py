"""Labels of others brought in: which image of ours each of theirs is, by the bytes of its file."""

from __future__ import annotations

import itertools
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dlf_core.errors import ImageRejected, StoreError
from dlf_core.formats.base import Format
from dlf_core.formats.dataset import Dataset, LabeledImage
from dlf_core.image_ids import IMAGE_ID_DIGITS, image_id_of
from dlf_resources.images import SUFFIXES, Limits, inspect

_ID = re.compile(rf"[0-9a-f]{{{IMAGE_ID_DIGITS}}}")


class ImageFiles:
    """Image files below a folder, by name.

    Args:
        folder: is looked through whole.
    """

    def __init__(self, folder: Path):
        self._files: dict[str, list[Path]] = defaultdict(list)
        for place, _, names in os.walk(folder):
            for name in names:
                if PurePosixPath(name).suffix.lower() in SUFFIXES:
                    self._files[name].append(Path(place) / name)

    def of(self, image: LabeledImage) -> Path | None:
        """An image's file; of several of its name the one whose folders are most like those that the labels tell, then
        the one below a folder of its split, then the first.
        """
        told = PurePosixPath(image.file_name)
        found = sorted(self._files.get(told.name, ()))
        return max(found, key=lambda file: (_alike(told, file), image.split in file.parts), default=None)


def _alike(told: PurePosixPath, file: Path) -> int:
    """How many parts the ends of two paths have in common."""
    pairs = zip(reversed(told.parts), reversed(file.parts), strict=False)
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))


def unpacked(format_: Format, path: Path, folder: Path) -> Path:
    """Write the pictures that lie within the files of a data set into a folder; the folder.

    Raises:
        FormatError: the files cannot be read.
        StoreError: the folder cannot be written.
    """
    assert format_.read_pictures is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in format_.read_pictures(path):
            file = folder / PurePosixPath(name.replace("\\", "/")).name  # a name may try to leave the folder
            if not file.is_file() or file.stat().st_size != len(content):
                temporary = file.with_name(f".tmp-{os.getpid()}-{file.name}")
                temporary.write_bytes(content)
                os.replace(temporary, file)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}; free some space.") from None
    return folder


def identified(dataset: Dataset, files: ImageFiles, problems: list[str]) -> Iterator[LabeledImage]:
    """The images with the ids they have here, and their size as it is upright.

    Args:
        dataset: labels of others.
        files: their image files.
        problems: gets a sentence for each image that cannot be identified; those are left out.
    """
    for image in dataset.images:
        file = files.of(image)
        if file is None:
            if _ID.fullmatch(image.image_id):  # ours, from the labels alone
                yield image
            else:
                problems.append(f"{image.file_name}: there is no such image file")
            continue
        try:
            content = file.read_bytes()
            facts = inspect(content, Limits(min_side=1))
        except OSError as error:
            problems.append(f"{file}: cannot be read: {error.strerror or error}")
            continue
        except ImageRejected as rejected:
            problems.append(f"{file}: {rejected.reason}")
            continue
        if image.width and (facts.width, facts.height) == (image.height, image.width) != (image.width, image.height):
            problems.append(f"{file}: its labels are for {image.width} × {image.height} pixels, before it is turned")
            continue
        yield replace(image, image_id=image_id_of(content), width=facts.width, height=facts.height)
