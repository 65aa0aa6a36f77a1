"""`dlf export` as a user types it: which boxes and images go where."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from animals_project import BUCKET, AnimalsProject
from workspaces import TestWorkspace

from dlf_assets.cli.main import main
from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset
from dlf_resources.projects import store_of


@dataclass
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def project(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch) -> AnimalsProject:
    """Four images: two boxes of which a person approved one, a doubtful box, a good one, and a negative."""
    for name in ("DLF_HOME", "DAGSTER_HOME", "DLF_DATA_ROOT", "NO_COLOR", "COLUMNS"):
        monkeypatch.setenv(name, workspace.env[name])
    made = AnimalsProject(workspace)
    made.image("two", ("dog", "approved", 0.3), ("cat", "none", 0.9)).image("doubtful", ("dog", "none", 0.4))
    return made.image("good", ("cat", "none", 0.8)).image("empty").write()


@pytest.fixture
def export(
    project: AnimalsProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Done]:
    def run(*words: str, to: str = "out", kind: str = "coco") -> Done:
        given = ["dlf", "export", "-p", "p", "--out", str(tmp_path / to), *(["--format", kind] if kind else []), *words]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as caught:
            main()
        return Done(int(caught.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def exported(export: Callable[..., Done], tmp_path: Path) -> Callable[..., Dataset]:
    """The data set that options give."""

    def run(*words: str, to: str = "out", kind: str = "coco") -> Dataset:
        done = export(*words, to=to, kind=kind)
        assert done.code == 0, done.out + done.err
        return FORMATS[kind].read(tmp_path / to / kind)

    return run


def boxes(dataset: Dataset) -> dict[str, list[str | None]]:
    return {image.image_id: [box.box_id for box in image.boxes] for image in dataset.images}


WHOLE = {"doubtful": ["doubtful-0"], "empty": [], "good": ["good-0"], "two": ["two-0", "two-1"]}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_can_be_asked_for(exported: Callable[..., Dataset], kind: str) -> None:
    found = exported(kind=kind)
    assert {image.image_id: len(image.boxes) for image in found.images} == {
        name: len(ids) for name, ids in WHOLE.items()
    }
    assert found.classes == ["dog", "cat"]


def test_several_formats_are_written_beside_each_other(export: Callable[..., Done], tmp_path: Path) -> None:
    done = export("--format", "yolo", "--format", "coco", "--json")
    paths = {name: str(tmp_path / "out" / name) for name in ("coco", "yolo")}
    assert done.report == {"images": 4, "boxes": 4, "paths": paths}
    assert all(Path(path).is_dir() for path in paths.values())


def test_without_json_each_path_is_told_with_its_counts(export: Callable[..., Done], tmp_path: Path) -> None:
    done = export("--format", "voc", "--crop-margin", "0")
    assert [line for line in done.out.splitlines() if str(tmp_path) in line] == [
        f"coco: 4 images, 4 boxes in {tmp_path}/out/coco",
        f"voc: 4 images, 4 boxes in {tmp_path}/out/voc",
        f"crops: 4 pictures in {tmp_path}/out/crops",
    ]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ([], WHOLE),
        (["--only-approved"], {"empty": [], "two": ["two-0"]}),
        (["--min-p-yes", "0.8"], {"empty": [], "good": ["good-0"], "two": ["two-0", "two-1"]}),
        (["--min-p-yes", "0.8", "--no-negatives"], {"good": ["good-0"], "two": ["two-0", "two-1"]}),
        (["--min-p-yes", "0.4", "--only-approved", "--no-negatives"], {"two": ["two-0"]}),
        (["--classes", "cat="], {"doubtful": ["doubtful-0"], "empty": [], "good": [], "two": ["two-0"]}),
        (["--classes", "cat=", "--no-negatives"], {"doubtful": ["doubtful-0"], "two": ["two-0"]}),
    ],
)
def test_options_choose_boxes_and_images(
    exported: Callable[..., Dataset], words: list[str], kept: dict[str, list[str]]
) -> None:
    assert boxes(exported(*words)) == kept


@pytest.mark.parametrize(
    ("typed", "classes", "of_two"),
    [("dog=hound", ["hound", "cat"], ["hound", "cat"]), ("dog=animal,cat=animal", ["animal"], ["animal"] * 2)],
)
def test_classes_get_other_names(
    exported: Callable[..., Dataset], typed: str, classes: list[str], of_two: list[str]
) -> None:
    found = exported("--classes", typed, kind="yolo")
    assert found.classes == classes
    (two,) = (image for image in found.images if image.image_id == "two")
    assert [box.class_name for box in two.boxes] == of_two


def test_what_verify_said_is_exported(exported: Callable[..., Dataset]) -> None:
    (good,) = (image for image in exported(kind="cvat").images if image.image_id == "good")
    assert (good.boxes[0].p_yes, good.boxes[0].reasoning) == (0.8, "it is a cat")


def test_an_export_with_other_options_replaces_the_one_before(exported: Callable[..., Dataset]) -> None:
    assert boxes(exported()) == WHOLE
    assert boxes(exported("--only-approved", "--no-negatives")) == {"two": ["two-0"]}
    assert boxes(exported()) == WHOLE


def test_a_verdict_of_another_score_is_exported_anew(exported: Callable[..., Dataset], project: AnimalsProject) -> None:
    exported()
    project.rows["review"] = [replace(row, p_yes=row.p_yes / 2) for row in project.rows["review"]]
    project.write()
    (two,) = (image for image in exported().images if image.image_id == "two")
    assert two.boxes[0].p_yes == 0.15


def splits(dataset: Dataset) -> dict[str, str]:
    return {image.image_id: image.split for image in dataset.images}


def test_other_splits_stay_when_images_are_added_and_leave_the_usual_ones_alone(
    exported: Callable[..., Dataset], project: AnimalsProject
) -> None:
    for number in range(20):
        project.image(f"more{number:02}")
    project.write()
    usual, halves = splits(exported(to="a")), splits(exported("--splits", "0.5,0.5", to="b"))
    assert set(halves.values()) == {"train", "val"}
    assert halves != usual
    for number in range(20):
        project.image(f"added{number:02}")
    project.write()
    later = splits(exported("--splits", "50,50", to="c"))
    assert len(later) == 44
    assert {name: later[name] for name in halves} == halves
    again = splits(exported(to="d"))
    assert {name: again[name] for name in usual} == usual


def test_all_may_be_one_split(exported: Callable[..., Dataset]) -> None:
    assert set(splits(exported("--splits", "0,1")).values()) == {"val"}


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def raw(project: AnimalsProject, picture: Path) -> Path:
    return store_of(project.project).path(f"raw/{BUCKET}/{picture.name}")


@pytest.mark.parametrize(("placing", "same"), [("link", True), ("copy", False)])
def test_pictures_are_linked_or_copied(
    export: Callable[..., Done], project: AnimalsProject, tmp_path: Path, placing: str, same: bool
) -> None:
    assert export("--images", placing).code == 0
    found = pictures(tmp_path / "out")
    assert [picture.stem for picture in found] == sorted(WHOLE)
    assert [picture.samefile(raw(project, picture)) for picture in found] == [same] * 4
    assert [picture.read_bytes() for picture in found] == [raw(project, picture).read_bytes() for picture in found]


def test_copies_asked_for_later_are_copies(
    export: Callable[..., Done], project: AnimalsProject, tmp_path: Path
) -> None:
    export("--images", "link")
    assert export("--images", "copy").code == 0
    assert not any(picture.samefile(raw(project, picture)) for picture in pictures(tmp_path / "out"))


@pytest.mark.parametrize("kind", [name for name in FORMATS if name != "yolo"])
def test_labels_alone_are_a_data_set_without_pictures(
    exported: Callable[..., Dataset], tmp_path: Path, kind: str
) -> None:
    assert len(exported("--images", "none", kind=kind).images) == 4
    assert pictures(tmp_path / "out") == []


def test_pictures_asked_for_later_come(exported: Callable[..., Dataset], tmp_path: Path) -> None:
    exported("--images", "none")
    exported()
    assert len(pictures(tmp_path / "out")) == 4


def test_every_box_may_be_a_picture(export: Callable[..., Done], tmp_path: Path) -> None:
    done = export("--crop-margin", "0.5", "--only-approved", "--images", "none", "--json")
    assert done.report["paths"]["crops"] == str(tmp_path / "out/crops")
    (crop,) = pictures(tmp_path / "out")
    assert (crop.name, crop.parent.name) == ("two_0.jpg", "dog")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--only-approved", "--classes", "dog=", "--no-negatives"], 1, "nothing of project 'p' is left"),
        (["--format", "coc"], 1, "there is no format 'coc'; did you mean 'coco'?"),
        (["--splits", "0.8;0.2"], 1, "--splits 0.8;0.2: is not"),
        (["--splits", ""], 1, "--splits : is not"),
        (["--classes", "dog"], 1, "'dog' is not old=new."),
        (["--classes", ""], 1, "'' is not old=new."),
        (["--classes", "wolf=dog"], 1, "has no class 'wolf'; it has: dog, cat."),
        (["--classes", "dog=,cat="], 1, "no class is left"),
        (["--images", "symlink"], 2, "'symlink' is not one of link, copy, none."),
        (["--min-p-yes", "1.5"], 2, "--min-p-yes"),
        (["--min-p-yes", "much"], 2, "--min-p-yes"),
        (["--min-p-yes", "nan"], 2, "--min-p-yes"),
        (["--crop-margin", "-1"], 2, "--crop-margin"),
        (["--crop-margin", "nan"], 2, "--crop-margin"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_writes_nothing(
    export: Callable[..., Done], tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    done = export(*words)
    assert done.code == code
    assert said in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_a_format_must_be_named(export: Callable[..., Done]) -> None:
    done = export(kind="")
    assert (done.code, "--format" in done.err) == (2, True)
