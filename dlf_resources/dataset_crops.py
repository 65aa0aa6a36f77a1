"""Every box of a data set as a picture of its own: what a classifier learns from.

    <folder>/<split>/<class>/<image_id>_<number>.jpg

That is the layout torchvision's ImageFolder and `datasets`' imagefolder read.
"""

from __future__ import annotations

import io
import re
import shutil
from collections import Counter
from pathlib import Path

from dlf_core.errors import FactoryError, StoreError
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset
from dlf_resources.images import open_upright

MARKER = ".data-label-factory"
_JPEG_QUALITY = 95
_LONGEST = 200  # bytes; most file systems take 255
_UNSAFE = re.compile(r'[/\\\x00-\x1f:*?"<>|]')


def write_crops(dataset: Dataset, pictures: Pictures, folder: Path, margin: float) -> int:
    """Write all crops into a folder of ours, anew; how many.

    Args:
        dataset: boxes.
        pictures: the images.
        folder: made, or replaced if an earlier call made it.
        margin: added on every side, in sides of the box; cut off at the image's edge.

    Raises:
        FactoryError: the folder holds something else.
        StoreError: it cannot be written.
    """
    if folder.is_dir() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise FactoryError(f"{folder}: holds files that are not crops of ours; choose another --out or move them away.")
    names = _folder_names(dataset.classes)
    written = 0
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / MARKER).touch()
        for image in dataset.images:
            if not image.boxes:
                continue
            upright = open_upright(pictures.read(image.image_id, image.file_name))
            for number, box in enumerate(image.boxes):
                wide, high = (box.x2 - box.x1) * margin, (box.y2 - box.y1) * margin
                left, right = max(0.0, box.x1 - wide) * upright.width, min(1.0, box.x2 + wide) * upright.width
                top, bottom = max(0.0, box.y1 - high) * upright.height, min(1.0, box.y2 + high) * upright.height
                # At least one pixel, and within the picture: beyond its edge all is black.
                x, y = min(int(left), upright.width - 1), min(int(top), upright.height - 1)
                corners = x, y, max(x + 1, round(right)), max(y + 1, round(bottom))
                place = folder / image.split / names[box.class_name]
                place.mkdir(parents=True, exist_ok=True)
                buffer = io.BytesIO()
                upright.crop(corners).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
                (place / f"{image.image_id}_{number}.jpg").write_bytes(buffer.getvalue())
                written += 1
    except OSError as error:
        raise StoreError(f"{folder}: cannot write crops: {error.strerror or error}; free some space.") from None
    return written


def _folder_names(classes: list[str]) -> dict[str, str]:
    """Class → its folder: its name without what a file system does not take; with a number if two become one."""
    plain = [
        _UNSAFE.sub("_", name).encode()[:_LONGEST].decode(errors="ignore").strip(". ") or f"class_{number}"
        for number, name in enumerate(classes)
    ]
    alike = Counter(name.casefold() for name in plain)
    taken = {name for name, count in alike.items() if count == 1}
    names: dict[str, str] = {}
    for number, (name, safe) in enumerate(zip(classes, plain, strict=True)):
        names[name] = safe
        if alike[safe.casefold()] > 1:
            names[name] = f"{safe}_{number}"
            while names[name].casefold() in taken:
                names[name] += "_"
            taken.add(names[name].casefold())
    return names
