"""dataset_source.assemble: which images and boxes of hand-made stage tables make the data set, and in which split."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from dlf_core.errors import FactoryError, StoreError
from dlf_core.project import Project
from dlf_core.records import to_table
from dlf_resources.dataset_pictures import StoredPictures
from dlf_resources.dataset_source import Assembled, assemble
from dlf_resources.drawn_splits import SPLITS_KEY
from dlf_resources.projects import store_of, tables_of
from dlf_resources.stores.dataset_folder import write_dataset

TWO = "{positive/x: {folders: [photos]}, negative/y: {folders: [photos]}}"


class Stages:
    """Writes the tables of one bucket: an image with its filter verdict, its groundings and its reviewed boxes."""

    def __init__(self, rows: ModuleType, project: Project, bucket: str = "positive/x"):
        self.rows, self.project, self.bucket = rows, project, bucket
        self.tables: dict[str, list[Any]] = {"gather": [], "filter": [], "label": [], "review": []}

    def image(self, image_id: str, *boxes: Any, said: str = "YES", status: str | None = None, **facts: Any) -> Stages:
        self.tables["gather"].append(self.rows.image(image_id, self.bucket, **facts))
        self.tables["filter"].append(self.rows.verdict(image_id, said))
        for query in self.project.queries:
            found = status or ("FOUND" if boxes else "EMPTY")
            self.tables["label"].append(self.rows.grounding(image_id, query, found))
        self.tables["review"] += boxes
        return self

    def write(self) -> None:
        key = self.project.partition_keys()[self.bucket]
        for stage, records in self.tables.items():
            tables_of(self.project).write(stage, key, to_table(stage, records))


def image_ids(assembled: Assembled) -> list[str]:
    return [image.image_id for image in assembled.dataset.images]


def test_an_image_with_a_kept_box_is_in_it_with_all_that_is_known_of_both(rows: ModuleType, project: Project) -> None:
    kept = rows.review("b1", "i1", kept=True, decision="approved")
    refused = rows.review("b0", "i1", kept=False)
    url = "file:///photos/gr%C3%B6%C3%9Fe%20%25.jpg"
    Stages(rows, project).image("i1", kept, refused, url=url, author="Ada", license="CC BY", format="MPO").write()
    assembled = assemble(project)
    (image,) = assembled.dataset.images
    assert (image.image_id, image.file_name, image.width, image.height) == ("i1", "i1.jpg", 96, 64)
    assert (image.source_name, image.author, image.license) == ("größe %.jpg", "Ada", "CC BY")
    assert image.url is None  # a path of this machine is nobody else's business
    assert image.bucket == "positive/x"
    (box,) = image.boxes
    assert (box.box_id, box.class_name, box.query, box.decision, box.verdict) == (
        "b1",
        "person",
        "person",
        "approved",
        "YES",
    )
    assert (box.x1, box.y1, box.x2, box.y2) == rows.BOX
    assert assembled.keys == {"i1": "raw/positive/x/i1.jpg"}
    assert assembled.left_out == {"undecided": 0, "failed": 0}
    assert assembled.dataset.classes == ["person"]


def test_an_address_of_the_network_is_kept(rows: ModuleType, project: Project) -> None:
    address = "https://example.org/a/b.jpg?x=1"
    Stages(rows, project).image("i1", rows.review("b1", "i1", kept=True), url=address).write()
    (image,) = assemble(project).dataset.images
    assert (image.url, image.source_name) == (address, "b.jpg")


def test_negatives_are_images_whose_boxes_were_all_refused_or_that_have_none(
    rows: ModuleType, project: Project
) -> None:
    stages = Stages(rows, project).image("empty")
    stages.image("refused-by-verify", rows.review("b1", "refused-by-verify", kept=False))
    rejected = rows.review("b2", "rejected", kept=False, verdict="YES", decision="rejected")
    stages.image("rejected", rejected).write()
    assembled = assemble(project)
    assert image_ids(assembled) == ["empty", "refused-by-verify", "rejected"]
    assert assembled.dataset.box_count == 0


@pytest.mark.parametrize(
    ("verdict", "decision"),
    [(None, "none"), ("UNSURE", "none"), ("ERROR", "none"), ("YES", "none"), ("YES", "unsure"), ("NO", "unsure")],
)
def test_an_image_with_an_undecided_box_is_no_negative(
    rows: ModuleType, project: Project, verdict: str | None, decision: str
) -> None:
    box = rows.review("b1", "i1", kept=False, verdict=verdict, decision=decision)
    Stages(rows, project).image("i1", box).image("i2").write()
    assembled = assemble(project)
    assert image_ids(assembled) == ["i2"]
    assert assembled.left_out == {"undecided": 1, "failed": 0}


def test_an_undecided_box_beside_a_kept_one_does_not_keep_the_image_out(rows: ModuleType, project: Project) -> None:
    boxes = (rows.review("b1", "i1", kept=True), rows.review("b2", "i1", kept=False, verdict="UNSURE"))
    Stages(rows, project).image("i1", *boxes).write()
    (image,) = assemble(project).dataset.images
    assert [box.box_id for box in image.boxes] == ["b1"]


def test_an_image_that_was_not_answered_is_no_negative(rows: ModuleType, project: Project) -> None:
    Stages(rows, project).image("i1", status="ERROR").image("i2").write()
    assembled = assemble(project)
    assert image_ids(assembled) == ["i2"]
    assert assembled.left_out == {"undecided": 0, "failed": 1}


def test_every_query_must_have_been_answered_for_a_negative(
    rows: ModuleType, make_project: Callable[..., Project]
) -> None:
    project = make_project(falcon_queries="[person, zebra]")
    stages = Stages(rows, project).image("both").image("one")
    stages.tables["label"].pop()
    stages.write()
    assert image_ids(assemble(project)) == ["both"]


def test_what_filter_or_gather_dropped_is_not_in_it(rows: ModuleType, project: Project) -> None:
    stages = Stages(rows, project)
    for number, said in enumerate(("NO", "UNKNOWN", "ERROR")):
        stages.image(f"i{number}", rows.review(f"b{number}", f"i{number}", kept=True), said=said)
    stages.image("copy", rows.review("b9", "copy", kept=True), state="duplicate", duplicate_of="i0").write()
    assert image_ids(assemble(project)) == []


def test_an_image_in_two_buckets_is_in_it_once_with_its_box_once(
    rows: ModuleType, make_project: Callable[..., Project]
) -> None:
    project = make_project(buckets=TWO)
    for bucket in ("positive/x", "negative/y"):
        Stages(rows, project, bucket).image("i1", rows.review("b1", "i1", kept=True)).write()
    assembled = assemble(project)
    (image,) = assembled.dataset.images
    assert image.bucket == "positive/x"
    assert [box.box_id for box in image.boxes] == ["b1"]
    assert assembled.keys["i1"] == "raw/positive/x/i1.jpg"


def test_a_bucket_that_was_not_reviewed_is_named(rows: ModuleType, make_project: Callable[..., Project]) -> None:
    project = make_project(buckets=TWO)
    Stages(rows, project).image("i1").write()
    assert assemble(project).not_reviewed_buckets == ["negative/y"]


def test_a_box_of_a_class_the_project_no_longer_has_stops_no_export(rows: ModuleType, project: Project) -> None:
    old = rows.review("b1", "i1", kept=True, query="zebra", class_name="zebra")
    Stages(rows, project).image("i1", old).write()
    dataset = assemble(project).dataset
    assert {box.class_name for image in dataset.images for box in image.boxes} <= set(dataset.classes)


def test_splits_stay_when_images_are_added(rows: ModuleType, make_project: Callable[..., Project]) -> None:
    project = make_project(splits="{train: 0.5, val: 0.3, test: 0.2}")
    stages = Stages(rows, project)
    for number in range(40):
        stages.image(f"m{number:03d}", phash=f"{number * 0x0F0F_3355_00FF_1357 % 2**64:016x}")
    stages.write()
    before = {image.image_id: image.split for image in assemble(project).dataset.images}
    assert set(before.values()) == {"train", "val", "test"}
    for number in range(40):  # near-duplicates of all, with ids that sort before theirs
        stages.image(f"a{number:03d}", phash=f"{(number * 0x0F0F_3355_00FF_1357 % 2**64) ^ 1:016x}")
    stages.write()
    after = {image.image_id: image.split for image in assemble(project).dataset.images}
    assert len(after) == 80
    assert {image: after[image] for image in before} == before
    assert all(after[f"a{number:03d}"] == before[f"m{number:03d}"] for number in range(40))
    assert json.loads(store_of(project).get(SPLITS_KEY)) == after


def test_an_image_that_left_and_came_back_keeps_its_split(rows: ModuleType, project: Project) -> None:
    store_of(project).put(SPLITS_KEY, b'{"gone": "val", "i1": "test"}')
    Stages(rows, project).image("i1").write()
    assert [image.split for image in assemble(project).dataset.images] == ["test"]
    assert json.loads(store_of(project).get(SPLITS_KEY)) == {"gone": "val", "i1": "test"}


@pytest.mark.parametrize("content", [b"{half", b"[1]", b"\xff"])
def test_a_damaged_splits_file_is_not_drawn_anew_behind_the_users_back(
    rows: ModuleType, project: Project, content: bytes
) -> None:
    store_of(project).put(SPLITS_KEY, content)
    Stages(rows, project).image("i1").write()
    with pytest.raises(StoreError, match=r"splits\.json: is damaged; restore it, or delete it"):
        assemble(project)


def test_a_project_that_has_not_run_gives_an_empty_data_set(project: Project) -> None:
    assembled = assemble(project)
    assert assembled.dataset.images == []
    assert assembled.not_reviewed_buckets == ["positive/x"]


def test_an_export_whose_picture_is_gone_is_an_error_for_the_user(rows: ModuleType, project: Project) -> None:
    Stages(rows, project).image("i1").write()
    assembled = assemble(project)
    pictures = StoredPictures(store_of(project), assembled.keys)
    with pytest.raises(FactoryError, match="cannot write the data set: No such file"):
        write_dataset(assembled.dataset, pictures, project.root / "dataset", ["coco"])
