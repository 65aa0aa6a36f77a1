"""A data set on disk: written beside the old one and swapped in when it is whole."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.attribution import attribution_markdown
from dlf_core.errors import FactoryError, StoreError
from dlf_core.formats import FORMATS
from dlf_core.formats.base import Format, Pictures
from dlf_core.formats.dataset import Dataset

MANIFEST = "dataset.json"
ATTRIBUTION = "ATTRIBUTION.md"
MARKER = ".data-label-factory"
MARKER_TEXT = "This folder is made by data-label-factory and is replaced as a whole.\n"


def write_dataset(
    dataset: Dataset, pictures: Pictures | None, folder: Path, formats: Sequence[str], *, copied: bool = False
) -> bool:
    """Write a data set in several formats below a folder.

    Args:
        dataset: what to write.
        pictures: its image files; None: the labels only.
        folder: gets a sub-folder a format and `dataset.json`. Formats not asked for stay when they hold this very
            data set; one that holds an older data set goes.
        formats: keys of `dlf_core.formats.FORMATS`.
        copied: pictures of an earlier call that are hard links do not do.

    Returns:
        False when the folder already held exactly this data set and nothing was written.

    Raises:
        FactoryError: a format does not exist.
        StoreError: the folder cannot be written.
    """
    for name in formats:
        format_named(name)
    fingerprint = dataset.fingerprint()
    attribution = attribution_markdown(dataset.name, dataset.images).encode("utf-8", "replace")
    before = read_manifest(folder)
    there = [name for name in before.get("formats", []) if name in FORMATS and (folder / name).is_dir()]
    same = before.get("fingerprint") == fingerprint and before.get("pictures", True) == (pictures is not None)
    sizes = dict(before.get("sizes", {}))
    labels_only = pictures is None
    current = [
        name
        for name in there
        if same and (labels_only or _whole(folder / name, dataset, copied, FORMATS[name], sizes.get(name)))
    ]
    todo = [name for name in dict.fromkeys(formats) if name not in current]
    if not todo:
        try:
            _attribute(attribution, folder, current)  # an author may have become known since
        except OSError as error:
            raise _unwritten(folder, error) from None
        return False
    if before and "fingerprint" not in before:
        raise FactoryError(f"{folder / MANIFEST}: is not ours to replace; choose another --out or move it away.")
    for name in todo:
        if name not in there:  # what our manifest lists is ours
            _refuse_foreign(folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Without its manifest the folder counts as unfinished, so a killed run writes it all again.
        (folder / MANIFEST).unlink(missing_ok=True)
        for name in todo:
            fresh, old = folder / f".{name}.new", folder / f".{name}.old"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            (fresh / MARKER).write_text(MARKER_TEXT)
            (fresh / ATTRIBUTION).write_bytes(attribution)
            FORMATS[name].write(dataset, fresh, pictures)
            shutil.rmtree(old, ignore_errors=True)
            if (folder / name).exists():
                os.replace(folder / name, old)
            os.replace(fresh, folder / name)
            shutil.rmtree(old, ignore_errors=True)
            sizes[name] = _sizes(folder / name) if FORMATS[name].pictures_inside else {}
        for name in set(there) - {*current, *todo}:
            shutil.rmtree(folder / name, ignore_errors=True)
        _attribute(attribution, folder, current)
        manifest = {
            "name": dataset.name,
            "fingerprint": fingerprint,
            "formats": [*current, *todo],
            "classes": list(dataset.classes),
            "images": len(dataset.images),
            "boxes": dataset.box_count,
            "splits": _by_split(dataset),
            "pictures": pictures is not None,
        }
        if known := {name: sizes[name] for name in [*current, *todo] if sizes.get(name)}:
            manifest["sizes"] = known
        temporary = folder / f".{MANIFEST}.tmp-{os.getpid()}"
        temporary.write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        os.replace(temporary, folder / MANIFEST)
    except OSError as error:
        raise _unwritten(folder, error) from None
    return True


def _unwritten(folder: Path, error: OSError) -> StoreError:
    said = f"cannot write the data set: {error.strerror or error}"
    return StoreError(f"{folder}: {said}; free some space or choose another data_root.")


def _attribute(text: bytes, folder: Path, formats: Sequence[str]) -> None:
    """Put the text beside the data set and into each format's folder: what is passed on is often only that."""
    for place in (folder, *(folder / name for name in formats)):
        file = place / ATTRIBUTION
        if not file.is_file() or file.read_bytes() != text:
            temporary = place / f".{ATTRIBUTION}.tmp-{os.getpid()}"
            temporary.write_bytes(text)
            os.replace(temporary, file)


def _refuse_foreign(folder: Path) -> None:
    """Do not replace a folder that we did not make.

    Raises:
        FactoryError: it holds something else.
    """
    if folder.is_dir() and not (folder / MARKER).exists() and any(folder.iterdir()):
        text = f"{folder}: holds files that are not a data set of ours; choose another --out or move them away."
        raise FactoryError(text)


def _whole(folder: Path, dataset: Dataset, copied: bool, kind: Format, sizes: Mapping[str, int] | None) -> bool:
    """Whether every image of the data set is still in the folder, and if need be in a file of its own."""
    if kind.pictures_inside:
        there = _sizes(folder)
        return sizes is not None and all(there.get(path) == size for path, size in sizes.items())
    names = {
        name
        for place, _, files in os.walk(folder)
        for name in files
        if not copied or Path(place, name).stat().st_nlink == 1
    }
    return set(dataset.image_table["file_name"].to_pylist()) <= names


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of what a format has written."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (MARKER, ATTRIBUTION))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `dataset.json` says; empty when there is no finished data set."""
    try:
        return dict(orjson.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError):
        return {}


def _by_split(dataset: Dataset) -> dict[str, int]:
    counts = pc.value_counts(dataset.image_table["split"].cast(pa.string())).to_pylist()
    return dict(sorted((row["values"], row["counts"]) for row in counts))


def format_named(name: str) -> Format:
    """A format of the registry.

    Raises:
        FactoryError: there is none of that name.
    """
    if name not in FORMATS:
        close = difflib.get_close_matches(name, FORMATS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there is: {', '.join(FORMATS)}."
        raise FactoryError(f"there is no format '{name}'; {hint}")
    return FORMATS[name]
