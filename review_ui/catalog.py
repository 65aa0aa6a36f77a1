"""The projects that are looked at: their stores, their logs, and the buckets that were opened."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc

from dlf_core.project import Project
from dlf_core.reviews.operations import Add, Class, ClassedBox, Operation
from dlf_core.reviews.state import Subject
from dlf_resources.projects import Projects, store_of, tables_of
from dlf_resources.reviews.log import Refused, ReviewLog, Taken
from dlf_resources.reviews.said import exchange, log_of
from dlf_resources.stores.base import Store
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.stage_tables import table_key
from review_ui.bucket_index import IMAGE_COLUMNS, BucketIndex
from review_ui.problems import Missing, Unfit

LOOK_SECONDS = 5.0
"""How often it is looked whether a stage has made a table anew."""
_TABLES = ("gather", "filter", "review")


@dataclass
class _Opened:
    index: BucketIndex
    stamps: tuple[object, ...]
    run: str | None
    looked: float = field(default_factory=time.monotonic)


class OpenProject:
    """A project that is looked at. Every method may be called from any thread.

    Args:
        project: whose.
    """

    def __init__(self, project: Project):
        self.project = project
        self.store: Store = store_of(project)
        self.log: ReviewLog = log_of(self.store)
        self._tables = tables_of(project)
        self._keys = project.partition_keys()
        self._opened: dict[str, _Opened] = {}
        self._seen = 0
        self._lock = threading.RLock()

    def bucket(self, name: str) -> BucketIndex:
        """The boxes of a bucket, as they are now.

        Raises:
            Missing: there is no such bucket, or it has not been through all stages.
        """
        if name not in self._keys:
            raise Missing("no_bucket", f"project '{self.project.project_name}' has no bucket '{name}'.")
        with self._lock:
            self._hear()
            opened = self._opened.get(name)
            if opened is None or (time.monotonic() - opened.looked > LOOK_SECONDS and not self._same(name, opened)):
                opened = self._opened[name] = self._open(name)
            return opened.index

    def ready(self, name: str) -> bool:
        """Whether a bucket has been through all stages."""
        return name in self._opened or self._tables.exists("review", self._keys[name])

    def run(self, name: str) -> str | None:
        """The Dagster run that made what is shown of a bucket; None where it is not known, or none has been opened."""
        opened = self._opened.get(name)
        return None if opened is None else opened.run

    def bucket_of(self, image_id: str, name: str | None = None) -> tuple[str, BucketIndex, int]:
        """The bucket of an image, its boxes, and the image's number there.

        Raises:
            Missing: no bucket that can be reviewed has the image.
        """
        # Who asks for an image has mostly opened its bucket; of thousands of buckets most never are.
        names = [name] if name is not None else sorted(self._keys, key=lambda one: one not in self._opened)
        for bucket in names:
            if name is None and not self.ready(bucket):
                continue
            index = self.bucket(bucket)
            if (place := index.place(image_id)) is not None:
                return bucket, index, place
        raise Missing("no_image", f"there is no image {image_id} in project '{self.project.project_name}'.")

    def say(self, said: Sequence[Operation]) -> list[Taken | Refused]:
        """Take operations into the log.

        Raises:
            Missing: one names a bucket, image or box that is not there; then none is taken.
            Unfit: one names a class that the project does not have; then none is taken.
        """
        seen: dict[str, ClassedBox | None] = {}
        with self._lock:
            new = {op.subject_id for op in said if isinstance(op, Add)}
            # A batch is mostly of one image, which may have thousands of boxes.
            boxes = {place: self._found(*place) for place in {(op.bucket, op.image_id) for op in said}}
            for op in said:
                seen[op.subject_id] = self._checked(op, new, boxes[op.bucket, op.image_id])
            outcomes = self.log.append(said, lambda op: seen[op.subject_id])
            for outcome in outcomes:
                if isinstance(outcome, Taken):
                    self._take(outcome.subject)
            return outcomes

    def _found(self, bucket: str, image_id: str) -> dict[str, ClassedBox | None]:
        """Box id → the box as it was found, of all boxes of an image."""
        _, index, place = self.bucket_of(image_id, bucket)
        return {box.box_id: box.found for box in index.boxes(place)}

    def _checked(self, op: Operation, new: set[str], boxes: Mapping[str, ClassedBox | None]) -> ClassedBox | None:
        """The box of an operation as it was found; None for an image, or a box drawn by hand."""
        named = op.value.class_name if isinstance(op, Add) else op.value if isinstance(op, Class) else None
        if named is not None and named not in self.project.class_names:
            known = ", ".join(self.project.class_names)
            raise Unfit("no_class", f"'{named}' is no class of project '{self.project.project_name}'; it has: {known}.")
        box_id = getattr(op, "box_id", None)
        if box_id is None or box_id in new:
            return None
        if box_id in boxes:
            return boxes[box_id]
        if self.log.subject(box_id) is None:
            raise Missing("no_box", f"image {op.image_id} has no box {box_id}; it may have been labelled anew.")
        return None

    def _take(self, subject: Subject) -> None:
        for opened in self._opened.values():
            opened.index.take(subject)

    def _hear(self) -> None:
        """Take what other processes have said."""
        newest = self.log.newest()
        if newest == self._seen:
            return
        if self._opened:
            images = {event.op.image_id for _, event in self.log.events(self._seen)}
            for subject in self.log.subjects(images):
                self._take(subject)
        self._seen = newest

    def _open(self, name: str) -> _Opened:
        key, stamps = self._keys[name], self._stamps(name)
        gathered = self._tables.read("gather", key, IMAGE_COLUMNS)
        verdicts = self._tables.read("filter", key, ["image_id", "verdict"])
        review = self._tables.read("review", key)
        if gathered is None or verdicts is None or review is None:
            command = f"dlf pipeline --project {self.project.project_name} --bucket '{name}'"
            raise Missing("not_labelled", f"bucket '{name}' has not been through all stages yet; run `{command}`.")
        kept = verdicts.filter(pc.equal(verdicts["verdict"], "YES"))["image_id"].combine_chunks()
        index = BucketIndex(gathered, kept, review)
        for subject in self.log.subjects(index.image_ids):
            index.take(subject)
        return _Opened(index, stamps, self._tables.run("review", key))

    def _same(self, name: str, opened: _Opened) -> bool:
        opened.looked = time.monotonic()
        return self._stamps(name) == opened.stamps

    def _stamps(self, name: str) -> tuple[object, ...]:
        return tuple(_stamp(self.store, table_key(stage, self._keys[name])) for stage in _TABLES)


class Catalog:
    """The projects of a workspace.

    Args:
        projects: their YAMLs.
    """

    def __init__(self, projects: Projects):
        self._projects = projects
        self._open: dict[str, OpenProject] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Projects whose YAML can be read."""
        return [project.project_name for project in self._projects.load_all()[0]]

    def named(self, name: str) -> OpenProject:
        """A project by its name; one whose YAML has changed is opened anew.

        Raises:
            Missing: there is none of that name.
        """
        project = next((one for one in self._projects.load_all()[0] if one.project_name == name), None)
        if project is None:
            raise Missing("no_project", f"there is no project '{name}', or its YAML cannot be read.")
        with self._lock:
            opened = self._open.get(name)
            if opened is None or opened.project is not project:
                opened = self._open[name] = OpenProject(project)
            return opened

    def exchange(self) -> None:
        """Tell other machines what was said here, and hear what was said there, where a bucket is shared.

        Raises:
            StoreError: a store cannot be reached; what was said is kept, and told the next time.
        """
        with self._lock:
            shared = [one for one in self._open.values() if one.store.name != "local"]
        for one in shared:
            exchange(one.store)


def _stamp(store: Store, key: str) -> object:
    """Changes when a table is written anew; nothing is read."""
    if isinstance(store, LocalStore):
        try:
            info = store.path(key).stat()
        except OSError:
            return None
        return info.st_mtime_ns, info.st_size
    return store.version(key)
