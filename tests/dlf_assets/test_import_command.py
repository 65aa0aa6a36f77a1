"""`dlf import`, by the real command: labels made elsewhere become a project's boxes, or what it is measured by."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from workspaces import SAMPLE, TestWorkspace, make_workspace

TRUTH = SAMPLE / "ground_truth.coco.json"
PEOPLE = SAMPLE / "photos" / "people"
ONLY_PEOPLE = ("--classes", "person=person,*=")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> TestWorkspace:
    """A project whose photos have been labelled by hand before."""
    return labelled(tmp_path_factory.mktemp("import") / "w")


def labelled(folder: Path) -> TestWorkspace:
    made = make_workspace(folder)
    made.write_project("old", {"positive/people": PEOPLE})
    done = made.dlf("import", str(TRUTH), "-p", "old", "--images", str(SAMPLE / "photos"), *ONLY_PEOPLE)
    assert done.returncode == 0, done.stderr
    assert "coco: 8 images, 45 boxes" in done.stdout
    assert "8 of these images are in no bucket yet; write under a bucket of old.yaml:  folders: [" in done.stdout
    done = made.dlf("pipeline", "-p", "old", "--json")
    assert done.returncode == 0, done.stderr
    return made


def table(workspace: TestWorkspace, stage: str) -> list[dict]:
    (file,) = (workspace.data("old") / "labels" / stage).glob("*people.parquet")
    return pq.ParquetFile(file).read().to_pylist()


def test_the_label_stage_answers_with_them_and_asks_no_model(workspace):
    rows = table(workspace, "label")
    assert {row["backend"] for row in rows} == {"imported"}
    truth = json.loads(TRUTH.read_bytes())
    people = {entry["id"] for entry in truth["categories"] if entry["name"] == "person"}
    sizes = {entry["id"]: entry for entry in truth["images"]}
    wanted = {
        tuple(round(value, 3) for value in entry["bbox"])
        for entry in truth["annotations"]
        if entry["category_id"] in people
    }
    widths = {(entry["width"], entry["height"]) for entry in sizes.values()}
    gathered = {row["image_id"]: row for row in table(workspace, "gather")}
    assert {(row["width"], row["height"]) for row in gathered.values()} <= widths
    found = set()
    for row in rows:
        width, height = gathered[row["image_id"]]["width"], gathered[row["image_id"]]["height"]
        for box in row["boxes"]:
            corners = box["x1"] * width, box["y1"] * height, (box["x2"] - box["x1"]) * width
            found.add((*(round(value, 2) for value in corners), round((box["y2"] - box["y1"]) * height, 2)))
    assert found
    assert found <= {tuple(round(value, 2) for value in box) for box in wanted}


def test_verify_looks_at_them_as_at_all_boxes(workspace):
    drawn = {box["box_id"] for row in table(workspace, "label") for box in row["boxes"]}
    assert {row["box_id"] for row in table(workspace, "verify")} <= drawn
    assert {row["backend"] for row in table(workspace, "verify")} == {"embedded"}


def test_the_same_import_again_computes_nothing(workspace):
    again = workspace.dlf("import", str(TRUTH), "-p", "old", "--images", str(SAMPLE / "photos"), *ONLY_PEOPLE)
    assert "in no bucket yet" in again.stdout  # the zebra and the bird are in none
    report = json.loads(workspace.dlf("label", "-p", "old", "--json").stdout)
    assert report["stages"]["label"]["positive/people"]["computed"] == 0


def test_another_backend_may_be_asked_all_the_same(workspace, tmp_path):
    other = make_workspace(tmp_path / "w")
    other.write_project("old", {"positive/people": PEOPLE})
    other.dlf("import", str(TRUTH), "-p", "old", "--images", str(SAMPLE / "photos"), *ONLY_PEOPLE)
    other.dlf("filter", "-p", "old") if other.dlf("gather", "-p", "old").returncode == 0 else None
    report = json.loads(other.dlf("label", "-p", "old", "--backend", "embedded", "--json").stdout)
    assert report["stages"]["label"]["positive/people"]["backend"] == "embedded"


def test_as_truth_the_data_set_is_measured_by_them(workspace):
    done = workspace.dlf(
        *("import", str(TRUTH), "-p", "old", "--images", str(SAMPLE / "photos"), "--as", "truth", "--json")
    )
    said = json.loads(done.stdout)
    assert (said["as"], said["images"], said["problems"]) == ("truth", 8, [])
    report = json.loads(workspace.dlf("pipeline", "-p", "old", "--json").stdout)
    assert report["evaluation"]["precision"] == 1.0  # the boxes are those of the ground truth


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.json"], "nowhere.json: is not there."),
        ([str(TRUTH)], "and project 'old' has: person; rename them with --classes"),
        ([str(TRUTH), *ONLY_PEOPLE, "--images", "nowhere"], "none of its 8 images can be told; first of them:"),
        ([str(TRUTH), "--format", "yolo"], "is not a YOLO data.yaml"),
        ([str(TRUTH), "--format", "cocoo"], "there is no format 'cocoo'; did you mean 'coco'?"),
        ([str(TRUTH), "--classes", "kangaroo=person"], "the data set has no class 'kangaroo'"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence(workspace, words, says):
    done = workspace.dlf("import", *words, "-p", "old")
    assert done.returncode == 1, done.stdout
    assert says in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr


def test_bad_use_is_told(workspace):
    done = workspace.dlf("import", str(TRUTH), "-p", "old", "--as", "rubbish")
    assert done.returncode == 2
    assert "'rubbish' is not boxes, truth or reviews." in done.stderr


def test_pictures_within_the_files_are_written_where_a_folder_line_may_name_them(workspace, tmp_path):
    assert workspace.dlf("export", "-p", "old", "--format", "parquet", "--out", str(tmp_path)).returncode == 0
    other = make_workspace(tmp_path / "w")
    other.write_project("new", {"positive/people": tmp_path / "w/data/new/imported/parquet-parquet"})
    done = other.dlf("import", str(tmp_path / "parquet"), "-p", "new", "--json")
    said = json.loads(done.stdout)
    assert said["problems"] == []
    assert said["images"] == said["not_gathered"] > 0
    report = json.loads(other.dlf("pipeline", "-p", "new", "--json").stdout)
    assert report["dataset"]["images"] == said["images"]
    assert json.loads(other.dlf("import", str(tmp_path / "parquet"), "-p", "new", "--json").stdout)["not_gathered"] == 0


def test_a_folder_of_ours_may_move_to_another_disk_and_back(workspace, tmp_path: Path):
    assert workspace.dlf("export", "-p", "old", "--format", "coco", "--out", str(tmp_path)).returncode == 0
    done = workspace.dlf("import", str(tmp_path / "coco"), "-p", "old", "--json")
    assert json.loads(done.stdout)["problems"] == []


def test_decisions_of_0_1_come_into_the_review_table(tmp_path):
    workspace = labelled(tmp_path / "w")  # of its own: what people decide stays decided
    box = next(row for row in table(workspace, "review") if row["decision"] == "none")
    photo = next(row for row in table(workspace, "gather") if row["image_id"] == box["image_id"])
    told = {f"{name}_norm": box[name] for name in ("x1", "y1", "x2", "y2")} | {"query": box["query"]}
    file = tmp_path / "reviews.json"
    path = f"raw/positive/people/{Path(photo['url']).name}"
    file.write_text(json.dumps({path: {"bboxes": [told | {"verdict": "rejected"}]}, "raw/[gone].jpg": {"bboxes": []}}))
    done = workspace.dlf("import", str(file), "-p", "old", "--as", "reviews")
    assert done.returncode == 0, done.stderr
    assert "left out: raw/[gone].jpg: no gathered image is called so" in done.stdout
    assert "verdicts on boxes: 1, of images with decisions: 1" in done.stdout
    assert workspace.dlf("pipeline", "-p", "old").returncode == 0
    (after,) = [row for row in table(workspace, "review") if row["box_id"] == box["box_id"]]
    assert (after["decision"], after["kept"], after["reviewer"]) == ("rejected", False, "data-label-factory 0.1")
    assert after["carried_from"] is not None
    again = workspace.dlf("import", str(file), "-p", "old", "--as", "reviews", "--json")
    assert (json.loads(again.stdout)["verdicts"], json.loads(again.stdout)["already_there"]) == (0, 1)
    refused = workspace.dlf("import", str(TRUTH.parent / "ATTRIBUTION.md"), "-p", "old", "--as", "reviews")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert "is no reviews.json of data-label-factory 0.1: Invalid JSON" in refused.stderr
