"""WebDataset shards (https://github.com/webdataset/webdataset), written and read.

    <split>-<number>.tar     for each image <image_id>.<ext> and <image_id>.json
    classes.json             the classes in their order

The JSON holds everything that is known of the image and its boxes; corners in [0, 1]. Equal data sets give equal files.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures
from dlf_core.formats.dataset import BOX_FIELDS, IMAGE_FIELDS, Dataset, LabeledBox, LabeledImage, Part
from dlf_core.formats.reading import classes_of, reader

SHARD_BYTES = 512 << 20
_CLASSES = "classes.json"


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    (folder / _CLASSES).write_bytes(orjson.dumps(dataset.classes))
    shards = {split: _Shards(folder, split) for split in dataset.split_names}
    try:
        for part in dataset.parts():
            for place in range(len(part)):
                told = _told(part, place)
                stem = PurePosixPath(told["file_name"]).stem
                files = [(f"{stem}.json", orjson.dumps(told))]
                if pictures is not None:
                    content = pictures.read(told["image_id"], told["file_name"])
                    files.insert(0, (told["file_name"], content))
                shards[told["split"]].add(files)
    finally:
        for shard in shards.values():
            shard.close()


class _Shards:
    """The shards of a split; a new one begins where the last is full."""

    def __init__(self, folder: Path, split: str):
        self._folder = folder
        self._split = split
        self._number = 0
        self._tar: tarfile.TarFile | None = None

    def add(self, files: list[tuple[str, bytes]]) -> None:
        """Files that belong together."""
        if self._tar is not None and self._tar.offset + sum(len(content) for _, content in files) > SHARD_BYTES:
            self.close()
        if self._tar is None:
            file = self._folder / f"{self._split}-{self._number:06}.tar"
            self._tar = tarfile.open(file, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # `close` closes it
            self._number += 1
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            self._tar.addfile(entry, io.BytesIO(content))
            self._tar.members = []  # type: ignore[attr-defined]  # it would remember every one

    def close(self) -> None:
        """Finish the shard."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None


def _told(part: Part, place: int) -> dict[str, Any]:
    begin, end = part.offsets[place], part.offsets[place + 1]
    boxes = zip(*(part.boxes[name][begin:end] for name in BOX_FIELDS), strict=True)
    told: dict[str, Any] = {name: part.images[name][place] for name in IMAGE_FIELDS}
    return told | {"boxes": [dict(zip(BOX_FIELDS, box, strict=True)) for box in boxes]}


@reader("a WebDataset folder of ours")
def read(path: Path) -> Dataset:
    """A data set from a folder of shards, or from one shard.

    Raises:
        FormatError: names the shard that cannot be read.
    """
    files = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not files and not (path / _CLASSES).is_file():
        raise FormatError(f"{path}: has no .tar file; it is no WebDataset folder.")
    classes = _classes(path / _CLASSES) if path.is_dir() else []
    found = Dataset.of(path.name, classes, (image for file in files for image in _images(file)))
    return Dataset(path.name, classes_of(classes, found), found.image_table, found.box_table)


def _classes(file: Path) -> list[str]:
    try:
        return [str(name) for name in orjson.loads(file.read_bytes())] if file.is_file() else []
    except (OSError, ValueError, TypeError):
        raise FormatError(f"{file}: is not a JSON list of classes.") from None


def _images(file: Path) -> Iterator[LabeledImage]:
    member = ""
    try:
        with tarfile.open(file, "r|") as tar:
            for entry in tar:
                member = entry.name
                if not entry.isfile() or not member.endswith(".json"):
                    continue
                content = tar.extractfile(entry)
                assert content is not None
                told = orjson.loads(content.read())
                boxes = [LabeledBox(**{name: box.get(name) for name in BOX_FIELDS}) for box in told["boxes"]]
                yield LabeledImage(**{name: told.get(name) for name in IMAGE_FIELDS}, boxes=boxes)
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        where = f"{file}, {member}" if member else str(file)
        raise FormatError(f"{where}: is not a sample of ours: {error}.") from None


def read_pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of each picture.

    Raises:
        FormatError: a shard cannot be read.
    """
    for file in sorted(path.glob("*.tar")) if path.is_dir() else [path]:
        try:
            with tarfile.open(file, "r|") as tar:
                for entry in tar:
                    content = tar.extractfile(entry) if entry.isfile() and not entry.name.endswith(".json") else None
                    if content is not None:
                        yield PurePosixPath(entry.name).name, content.read()
        except (OSError, tarfile.TarError) as error:
            raise FormatError(f"{file}: cannot be read: {error}.") from None


FORMAT = Format(
    "WebDataset shards",
    write,
    read,
    image_fields=frozenset(IMAGE_FIELDS),
    box_fields=frozenset(BOX_FIELDS),
    read_pictures=read_pictures,
)
