"""Pascal VOC XML (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/), written and read.

    Annotations/<image_id>.xml
    JPEGImages/<image_id>.<ext>
    ImageSets/Main/<split>.txt       a name a line, without ending
    labelmap.txt                     the classes in their order, as CVAT writes it

VOC counts pixels from 1 and names the last one inside, so `xmin = x1 * width + 1` and `xmax = x2 * width`; thousandths
of a pixel are written. Boxes around crowds are `difficult`: like those they count neither as right nor as wrong.
"""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage, Part
from dlf_core.formats.picture_files import place_in
from dlf_core.formats.xml_text import allowed, elements, text

_HEAD = "# label:color_rgb:parts:actions\n"
# What ends a name or a line there, begins a comment, or would be read as one of these.
_NOT_IN_A_LINE = re.compile("[:\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|^#|%(?=[0-9A-Fa-f]{2})")
_BACKGROUND = "background:0,0,0:"
"""CVAT lists it for masks; it is no class of boxes."""
_SPLITS = ("train", "val", "test")


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    lines = "".join(f"{_in_a_line(name)}:::\n" for name in dataset.classes)
    (folder / "labelmap.txt").write_text(_HEAD + lines, encoding="utf-8")
    stems: dict[str, list[str]] = {split: [] for split in dataset.split_names}
    for part in dataset.parts():
        for place, objects in enumerate(_objects(part)):
            file_name = part.images["file_name"][place]
            size = part.images["width"][place], part.images["height"][place]
            stem = Path(file_name).stem
            whole = _annotation(file_name, dataset.name, *size, objects)
            (folder / "Annotations" / f"{stem}.xml").write_text(whole, encoding="utf-8")
            stems[part.images["split"][place]].append(stem)
    for split, names in stems.items():
        content = "".join(f"{name}\n" for name in names)
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(content, encoding="utf-8")
    if pictures is not None:
        place_in(folder / "JPEGImages", dataset, pictures)


def _annotation(file_name: str, database: str, width: int, height: int, objects: str) -> str:
    return (
        f"<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{text(file_name)}</filename>\n"
        f"  <source><database>{text(database)}</database></source>\n"
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n"
        f"  <segmented>0</segmented>\n{objects}</annotation>\n"
    )


def _objects(part: Part) -> Iterator[str]:
    """The `<object>` elements of each image."""
    counts = np.diff(part.offsets)
    scale = np.array([part.images["width"], part.images["height"]] * 2, np.float64).T.repeat(counts, axis=0)
    corners = np.array([part.boxes[name] for name in ("x1", "y1", "x2", "y2")], np.float64).T.reshape(-1, 4) * scale
    corners[:, :2] += 1
    names = {name: text(name) for name in set(part.boxes["class_name"])}
    rows = zip(part.boxes["class_name"], part.boxes["crowd"], corners.tolist(), strict=True)
    objects = [
        f"  <object>\n    <name>{names[name]}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>{int(crowd)}</difficult>\n    <bndbox><xmin>{x1:.3f}</xmin><ymin>{y1:.3f}</ymin>"
        f"<xmax>{x2:.3f}</xmax><ymax>{y2:.3f}</ymax></bndbox>\n  </object>\n"
        for name, crowd, (x1, y1, x2, y2) in rows
    ]
    for begin, end in itertools.pairwise(part.offsets):
        yield "".join(objects[begin:end])


def read(path: Path) -> Dataset:
    """A data set from a VOC folder.

    Raises:
        FormatError: names the file that cannot be read.
    """
    folder = path / "Annotations" if (path / "Annotations").is_dir() else path
    files = sorted(folder.glob("*.xml"))
    if not files and not (path / "labelmap.txt").is_file():
        raise FormatError(f"{path}: has no Annotations/*.xml; it is no Pascal VOC folder.")
    splits = {stem: split for split in reversed(_SPLITS) for stem in _lines(path / "ImageSets/Main" / f"{split}.txt")}
    lines = [line for line in _lines(path / "labelmap.txt") if line and not line.startswith(("#", _BACKGROUND))]
    classes = [unquote(line.split(":")[0]) for line in lines]
    images = Dataset.of(path.name, classes, (_image(file, splits) for file in files))
    found = dict.fromkeys([*classes, *sorted(images.box_table["class_name"].cast("string").unique().to_pylist())])
    return Dataset(path.name, list(found), images.image_table, images.box_table)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    except (OSError, UnicodeDecodeError):
        raise FormatError(f"{file}: is not a text file that can be read.") from None


def _image(file: Path, splits: dict[str, str]) -> LabeledImage:
    root = next(elements(file, "annotation"), None)
    if root is None:
        raise FormatError(f"{file}: has no <annotation>.")
    width, height = (_number(file, root.find("size"), name) for name in ("width", "height"))
    if not (1 <= width < 2**31 and 1 <= height < 2**31):
        raise FormatError(f"{file}: the image has width or height 0, or one that no image has.")
    boxes = []
    for one in root.iter("object"):
        box = one.find("bndbox")
        x1, y1, x2, y2 = (_number(file, box, name) for name in ("xmin", "ymin", "xmax", "ymax"))
        corners = (x1 - 1) / width, (y1 - 1) / height, x2 / width, y2 / height
        if (label := one.findtext("name")) is None:
            raise FormatError(f"{file}: <name> is missing in an <object>.")
        boxes.append(LabeledBox(label, *corners, crowd=one.findtext("difficult") == "1"))
    name = root.findtext("filename") or f"{file.stem}.jpg"
    split = splits.get(file.stem, "train")
    return LabeledImage(Path(name).stem, name, round(width), round(height), split, boxes=boxes)


def _number(file: Path, parent: ElementTree.Element | None, name: str) -> float:
    try:
        number = float((parent.findtext(name) if parent is not None else None) or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FormatError(f"{file}: <{name}> is missing or is no number.")
    return number


def _in_a_line(name: str) -> str:
    return _NOT_IN_A_LINE.sub(lambda found: quote(found[0], safe=""), allowed(name))


FORMAT = Format(
    "Pascal VOC XML",
    write,
    read,
    image_fields=frozenset({"image_id", "file_name", "width", "height", "split"}),
    box_fields=frozenset({"class_name", "x1", "y1", "x2", "y2", "crowd"}),
)
