"""What an import leaves in a project, and how the label stage is answered with it."""

from __future__ import annotations

import asyncio

import pytest

from dlf_core.errors import StoreError
from dlf_core.formats.dataset import LabeledBox
from dlf_core.project import Project
from dlf_resources.grounding.imported import ImportedGrounding
from dlf_resources.imported_labels import ImportedImage, ImportedLabels, imported_key, remember
from dlf_resources.picture import Picture
from dlf_resources.projects import store_of

YAML = """
project_name: dogs
target_object: dog
falcon_queries: [puppy, dog, "big dog", cat]
classes: {puppy: dog, big dog: dog}
data_root: data
buckets: {positive/x: {folders: [photos]}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.delenv("DLF_DATA_ROOT", raising=False)
    file = tmp_path / "dogs.yaml"
    file.write_text(YAML)
    return Project.load(file)


def image(image_id: str, *classes: str, score: float | None = None) -> ImportedImage:
    return ImportedImage(image_id, tuple(LabeledBox(name, 0.1, 0.2, 0.3, 0.4, score=score) for name in classes))


def imported(project: Project, *images: ImportedImage) -> ImportedLabels:
    remember(project, store_of(project), images)
    labels = ImportedLabels.of(project, store_of(project))
    assert labels is not None
    return labels


def answered(project: Project, labels: ImportedLabels, image_id: str) -> dict[str, int]:
    backend = ImportedGrounding(project, labels)
    found = asyncio.run(backend.ground(Picture(lambda: b"", image_id), project.queries))
    return {query: len(boxes) for query, boxes in found.items() if isinstance(boxes, list)}


def test_without_an_import_there_is_nothing(project):
    assert ImportedLabels.of(project, store_of(project)) is None


def test_a_box_is_given_to_the_query_of_its_name_or_to_the_first_of_its_class(project):
    labels = imported(project, image("a", "dog", "cat", "cat"), image("b", "big dog"))
    assert answered(project, labels, "a") == {"puppy": 1, "dog": 0, "big dog": 0, "cat": 2}
    assert answered(project, labels, "b") == {"puppy": 0, "dog": 0, "big dog": 1, "cat": 0}


def test_an_image_without_boxes_is_one_on_which_there_is_nothing(project):
    labels = imported(project, image("empty"))
    assert "empty" in labels
    assert "other" not in labels
    assert set(answered(project, labels, "empty").values()) == {0}


def test_a_second_import_adds_images_and_replaces_the_same(project):
    imported(project, image("a", "dog"), image("b", "cat"))
    labels = imported(project, image("b", "dog", "dog"), image("c"))
    assert [len(labels.boxes(one)) for one in "abc"] == [1, 2, 0]
    assert len(labels) == 3


def test_the_version_changes_with_the_labels_and_only_with_them(project):
    first = imported(project, image("a", "dog")).version
    assert imported(project, image("a", "dog")).version == first
    assert imported(project, image("a", "cat")).version != first


@pytest.mark.parametrize("score", [None, 0.25])
def test_a_score_is_kept_and_none_is_made_up(project, score):
    labels = imported(project, image("a", "dog", score=score))
    found = asyncio.run(ImportedGrounding(project, labels).ground(Picture(lambda: b"", "a"), ["dog", "puppy"]))
    (box,) = found["puppy"]
    assert (box.score, box.score_kind.value) == (score, "none")


def test_a_damaged_table_is_named_with_the_way_out(project):
    imported(project, image("a", "dog"))
    store_of(project).put(imported_key(project), b"rubbish")
    with pytest.raises(StoreError, match=r"imported/dogs\.parquet: is damaged .*; delete it and import again\."):
        ImportedLabels.of(project, store_of(project))
