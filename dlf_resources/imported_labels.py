"""Labels that were there before: boxes of a project by image id, in `labels/imported/<project>.parquet`."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from dlf_core.errors import StoreError
from dlf_core.formats.dataset import LabeledBox
from dlf_core.project import Project
from dlf_resources.stores.arrow_files import arrow_file
from dlf_resources.stores.base import Store

_BOX = pa.struct(
    [
        pa.field("class_name", pa.string()),
        *(pa.field(name, pa.float64()) for name in ("x1", "y1", "x2", "y2")),
        pa.field("score", pa.float64()),
        pa.field("score_kind", pa.string()),
    ]
)
SCHEMA = pa.schema([pa.field("image_id", pa.string()), pa.field("boxes", pa.list_(_BOX))])


def imported_key(project: Project) -> str:
    """Where a project's imported labels lie."""
    return f"labels/imported/{project.project_name}.parquet"


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """An image that somebody has labelled elsewhere; without boxes: one without objects."""

    image_id: str
    boxes: tuple[LabeledBox, ...]


class ImportedLabels:
    """A project's imported labels.

    Args:
        table: of `SCHEMA`.
        version: changes with the table.
    """

    def __init__(self, table: pa.Table, version: str):
        self.version = version
        self._table = table
        self._places = {image_id: place for place, image_id in enumerate(table["image_id"].to_pylist())}

    @classmethod
    def of(cls, project: Project, store: Store) -> ImportedLabels | None:
        """What was imported; None when nothing was.

        Raises:
            StoreError: the table is damaged.
        """
        key = imported_key(project)
        version = store.version(key)
        if version is None:
            return None
        try:
            table = pq.ParquetFile(arrow_file(store.get(key))).read(use_threads=False)
            return cls(table.select(SCHEMA.names).cast(SCHEMA), version[:16])
        except (pa.ArrowException, KeyError) as error:
            said = str(error).splitlines()[0][:150]
            raise StoreError(f"{store.address(key)}: is damaged ({said}); delete it and import again.") from None

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._places

    def boxes(self, image_id: str) -> list[LabeledBox]:
        """The boxes of an image."""
        found = self._table["boxes"][self._places[image_id]].as_py()
        return [LabeledBox(**box) for box in found]


def remember(project: Project, store: Store, images: Iterable[ImportedImage]) -> int:
    """Add images to a project's imported labels; one that is there already is replaced. How many there are then."""
    with store.lock("imported", wait_seconds=60, purpose=f"an import into project '{project.project_name}'"):
        before = ImportedLabels.of(project, store)
        rows = {image.image_id: image for image in images}
        tables = [_table(rows[image_id] for image_id in sorted(rows))]
        if before is not None:
            table = before._table
            tables.append(table.filter(pa.array([one not in rows for one in table["image_id"].to_pylist()])))
        table = pa.concat_tables(tables).combine_chunks().sort_by("image_id")
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        store.put(imported_key(project), buffer.getvalue())
    return len(table)


def _table(images: Iterable[ImportedImage]) -> pa.Table:
    names = [field.name for field in _BOX]
    rows = [
        {"image_id": image.image_id, "boxes": [{name: getattr(box, name) for name in names} for box in image.boxes]}
        for image in images
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
