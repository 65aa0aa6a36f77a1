"""WebDataset shards (https://github.com/webdataset/webdataset), written and read.

    <split>-<number>.tar     for each image <image_id>.<ext> and <image_id>.json
    classes.json             the classes in their order

The JSON holds everything that is known of the image and its boxes; corners in [0, 1]. Equal data sets give equal files.
"""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Self

import orjson
import pyarrow as pa

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures, split_named
from dlf_core.formats.dataset import BOX_FIELDS, IMAGE_FIELDS, Dataset, LabeledBox, LabeledImage, Part
from dlf_core.formats.picture_files import read_all
from dlf_core.formats.sound import sound_boxes, sound_images

SHARD_BYTES = 512 << 20
_CLASSES = "classes.json"


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    (folder / _CLASSES).write_bytes(orjson.dumps(dataset.classes))
    shards = {split: _Shards(folder, split) for split in dataset.split_names}
    try:
        for part in dataset.parts():
            names = zip(part.images["image_id"], part.images["file_name"], strict=True)
            contents = read_all(pictures, names) if pictures is not None else itertools.repeat(None)
            for place, content in zip(range(len(part)), contents, strict=False):
                told = _told(part, place)
                stem = PurePosixPath(told["file_name"]).stem
                files = [(f"{stem}.json", orjson.dumps(told))]
                if content is not None:
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
            self._tar = tarfile.TarFile(file, "w", format=tarfile.PAX_FORMAT, copybufsize=1 << 20)
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


def read(path: Path) -> Dataset:
    """A data set from a folder of shards, or from one shard.

    Raises:
        FormatError: names the shard that cannot be read.
    """
    files = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not files and not (path / _CLASSES).is_file():
        raise FormatError(f"{path}: has no .tar file; it is no WebDataset folder.")
    classes = _classes(path / _CLASSES) if path.is_dir() else []
    shards = [_shard(file) for file in files] or [Dataset.of(path.name, [], [])]
    images, boxes = (pa.concat_tables([getattr(one, name) for one in shards]) for name in ("image_table", "box_table"))
    every = dict.fromkeys([*classes, *sorted(boxes["class_name"].cast("string").unique().to_pylist())])
    return Dataset(path.name, list(every), images, boxes)


def _shard(file: Path) -> Dataset:
    try:
        shard = Dataset.of(file.stem, [], _images(file))
        sound_images(shard.image_table)
        sound_boxes(shard.box_table)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise FormatError(f"{file}: holds a sample that is none of ours: {error}.") from None
    return shard


def _classes(file: Path) -> list[str]:
    try:
        names = orjson.loads(file.read_bytes()) if file.is_file() else []
    except (OSError, ValueError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(f"{file}: is not a JSON list of classes.")
    return names


class _Entry(tarfile.TarInfo):
    """Without it, a shard would end unseen where it was cut off or a head is damaged."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the end as it should be
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None


def _images(file: Path) -> Iterator[LabeledImage]:
    member = ""
    try:
        with tarfile.open(file, "r|", tarinfo=_Entry) as tar:
            for entry in tar:
                member = entry.name
                if not entry.isfile() or not member.endswith(".json"):
                    continue
                content = tar.extractfile(entry)
                assert content is not None
                told = orjson.loads(content.read())
                boxes = [LabeledBox(**{name: box.get(name) for name in BOX_FIELDS}) for box in told["boxes"]]
                known = {name: told.get(name) for name in IMAGE_FIELDS} | {"split": split_named(told["split"])}
                yield LabeledImage(**known, boxes=boxes)
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
            with tarfile.open(file, "r|", tarinfo=_Entry) as tar:
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
