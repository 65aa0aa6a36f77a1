"""CVAT for images 1.1 (https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/), written and read.

    annotations.xml
    images/<image_id>.<ext>

What is known of a box stands in attributes, which CVAT shows beside it; only those that some box has are declared.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element

import numpy as np
import pyarrow.compute as pc

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures, split_named
from dlf_core.formats.dataset import BOX_FIELDS, Dataset, LabeledBox, LabeledImage, Part
from dlf_core.formats.picture_files import place_in
from dlf_core.formats.xml_text import attribute, elements, text

FILE = "annotations.xml"
_ATTRIBUTES = tuple(name for name in BOX_FIELDS if name not in ("class_name", "x1", "y1", "x2", "y2", "crowd"))
_NUMBERS = ("score", "p_yes")


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    there = [name for name in _ATTRIBUTES if dataset.box_table[name].null_count < len(dataset.box_table)]
    crowds = bool(pc.any(dataset.box_table["crowd"]).as_py())
    with (folder / FILE).open("w", encoding="utf-8", buffering=1 << 20) as out:
        _head(out, dataset, [*there, *(["crowd"] if crowds else [])])
        for part in dataset.parts():
            for place, boxes in enumerate(_boxes(part, there)):
                names = ("file_name", "width", "height", "split")
                name, width, height, split = (part.images[column][place] for column in names)
                out.write(
                    f'  <image id="{part.first + place}" name={attribute(name)} subset={attribute(split)} '
                    f'width="{width}" height="{height}">\n{boxes}  </image>\n'
                )
        out.write("</annotations>\n")
    if pictures is not None:
        place_in(folder / "images", dataset, pictures)


def _head(out: IO[str], dataset: Dataset, attributes: Sequence[str]) -> None:
    declared = "".join(
        f"<attribute><name>{name}</name><mutable>False</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
        for name in attributes
    )
    labels = "".join(
        f"      <label><name>{text(name)}</name><attributes>{declared}</attributes></label>\n"
        for name in dataset.classes
    )
    # As CVAT exports a project: images of a task alone have no subset, and Datumaro would look for none.
    sizes = {
        row["values"]: row["counts"] for row in pc.value_counts(dataset.image_table["split"].cast("string")).to_pylist()
    }
    tasks = "".join(
        f"        <task><id>{number}</id><name>{text(split)}</name><size>{sizes[split]}</size><mode>annotation</mode>"
        f"<subset>{text(split)}</subset></task>\n"
        for number, split in enumerate(dataset.split_names)
    )
    out.write(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <project>\n'
        f"      <name>{text(dataset.name)}</name>\n      <tasks>\n{tasks}      </tasks>\n"
        f"      <labels>\n{labels}      </labels>\n    </project>\n  </meta>\n"
    )


def _boxes(part: Part, attributes: Sequence[str]) -> Iterator[str]:
    """The `<box>` elements of each image; corners in pixels."""
    counts = np.diff(part.offsets)
    scale = np.array([part.images["width"], part.images["height"]] * 2, np.float64).T.repeat(counts, axis=0)
    corners = np.array([part.boxes[name] for name in ("x1", "y1", "x2", "y2")], np.float64).T.reshape(-1, 4) * scale
    labels = {name: attribute(name) for name in set(part.boxes["class_name"])}
    told = [_elements(name, part.boxes[name]) for name in attributes]
    told.append(_elements("crowd", ["true" if crowd else None for crowd in part.boxes["crowd"]]))
    lines = []
    for at, ((x1, y1, x2, y2), inner) in enumerate(zip(corners.tolist(), zip(*told, strict=True), strict=True)):
        source = "manual" if part.boxes["decision"][at] == "approved" else "auto"
        lines.append(
            f'    <box label={labels[part.boxes["class_name"][at]]} source="{source}" occluded="0" xtl="{x1:.3f}" '
            f'ytl="{y1:.3f}" xbr="{x2:.3f}" ybr="{y2:.3f}" z_order="0">\n{"".join(inner)}    </box>\n'
        )
    for begin, end in itertools.pairwise(part.offsets):
        yield "".join(lines[begin:end])


def _elements(name: str, values: Sequence[object]) -> list[str]:
    """The `<attribute>` of each value; nothing for None."""
    head = f"      <attribute name={attribute(name)}>"
    lines: dict[object, str] = {value: f"{head}{text(value)}</attribute>\n" for value in set(values)} | {None: ""}
    return [lines[value] for value in values]


def read(path: Path) -> Dataset:
    """A data set from an annotations file, or from its folder; only boxes are read.

    Raises:
        FormatError: names what cannot be read.
    """
    file = path / FILE if path.is_dir() else path
    classes: list[str] = []
    found = Dataset.of(path.name, [], _images(file, classes))
    every = dict.fromkeys([*classes, *sorted(found.box_table["class_name"].cast("string").unique().to_pylist())])
    return Dataset(path.name, list(every), found.image_table, found.box_table)


def _images(file: Path, classes: list[str]) -> Iterator[LabeledImage]:
    """The images; classes that are declared on the way are added to `classes`."""
    for element in elements(file, "label", "image", "track", within="annotations"):
        if element.tag == "track":
            said = "is CVAT for videos; export it from CVAT as 'CVAT for images'"
            raise FormatError(f"{file}: {said}.")
        if element.tag == "image":
            yield _image(file, element)
        elif name := element.findtext("name"):
            classes.append(name)


def _image(file: Path, element: Element) -> LabeledImage:
    try:
        name = element.attrib["name"]
        width, height = int(element.attrib["width"]), int(element.attrib["height"])
        if not (1 <= width < 2**31 and 1 <= height < 2**31):
            raise FormatError(f"{file}: image '{name}' has width or height 0, or one that no image has.")
        boxes = [_box(one, width, height) for one in element.iter("box") if not float(one.get("rotation", 0))]
    except (KeyError, ValueError) as error:
        raise FormatError(f"{file}: {error} is missing or does not fit in an <image>.") from None
    split = split_named(element.get("subset"))  # a task without subsets says "default" or nothing
    return LabeledImage(Path(name).stem, Path(name).name, width, height, split, boxes=boxes)


def _box(element: Element, width: int, height: int) -> LabeledBox:
    x1, y1, x2, y2 = (float(element.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
    known: dict[str, Any] = {str(one.get("name")): one.text or "" for one in element.iter("attribute")}
    told = {name: known[name] for name in _ATTRIBUTES if name in known}
    told |= {name: _number(told[name]) for name in _NUMBERS if name in told}
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise ValueError("a corner that is no number")
    corners = x1 / width, y1 / height, x2 / width, y2 / height
    return LabeledBox(element.attrib["label"], *corners, crowd=known.get("crowd") == "true", **told)


def _number(text: str) -> float | None:
    """A score; None where others mean something else by the name."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


FORMAT = Format(
    "CVAT for images 1.1",
    write,
    read,
    image_fields=frozenset({"image_id", "file_name", "width", "height", "split"}),
    box_fields=frozenset(BOX_FIELDS),
)
