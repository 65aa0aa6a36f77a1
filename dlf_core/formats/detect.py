"""Which format a folder or a file is in, by what lies there."""

from __future__ import annotations

from pathlib import Path

from dlf_core.errors import FormatError

_IN_A_FOLDER = (
    ("coco", ("annotations.json", "train.json", "val.json", "test.json")),
    ("yolo", ("data.yaml",)),
    ("voc", ("Annotations",)),
    ("cvat", ("annotations.xml",)),
    ("label-studio", ("tasks.json",)),
    ("webdataset", ("*.tar",)),
)


def detect_format(path: Path) -> str:
    """The name of the format.

    Raises:
        FormatError: nothing is there, or nothing that is known.
    """
    try:
        is_there = path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}.") from None
    if not is_there:
        raise FormatError(f"{path}: is not there.")
    if path.is_file():
        return _of_file(path)
    for name, signs in _IN_A_FOLDER:
        if any(any(path.glob(sign)) for sign in signs):
            return name
    tables = [*path.glob("*.parquet"), *path.glob("data/*.parquet")]
    if tables:
        return _of_file(tables[0])
    known = "annotations.json, data.yaml, Annotations/, annotations.xml, tasks.json, *.tar or *.parquet"
    raise FormatError(f"{path}: holds no data set that is known ({known}); name its format with --format.")


def _of_file(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix == ".json":
        try:
            with file.open("rb") as source:
                return "label-studio" if source.read(64).lstrip().startswith(b"[") else "coco"
        except OSError as error:
            raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    if suffix in (".yaml", ".yml"):
        return "yolo"
    if suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return "labels" if "bboxes" in pq.read_schema(file).names else "parquet"
        except (pa.ArrowException, OSError):
            raise FormatError(f"{file}: is not a Parquet file that can be read.") from None
    known = {".xml": "cvat", ".tar": "webdataset"}
    if suffix not in known:
        raise FormatError(f"{file}: its ending is of no format that is known; name it with --format.")
    return known[suffix]
