"""The stages as Dagster runs them: what each takes from the one before, and what it leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from factory import KEY, Factory
from PIL import Image
from workspaces import SAMPLE

from dlf_assets.automation.jobs import DATASET
from dlf_assets.partitions import add_missing
from dlf_core.project import Project


def test_a_stage_takes_only_what_the_stage_before_kept(factory: Factory) -> None:
    factory.add("184324", "188465", "129054")  # two with persons, one with zebras
    factory.project()
    made = factory.run()
    kept = set(factory.table("filter").filter(pa.compute.field("verdict") == "YES")["image_id"].to_pylist())
    assert len(kept) == 2
    assert set(factory.table("label")["image_id"].to_pylist()) == kept
    drawn = {box["box_id"] for boxes in factory.table("label")["boxes"].to_pylist() for box in boxes}
    verified = factory.table("verify")
    assert set(verified["box_id"].to_pylist()) <= drawn
    assert made["verified_boxes"]["in"] == made["labeled_boxes"]["boxes"] == len(verified)
    yes = set(verified.filter(pa.compute.field("verdict") == "YES")["box_id"].to_pylist())
    review = factory.table("review")
    assert set(review.filter(pa.compute.field("kept"))["box_id"].to_pylist()) == yes
    factory.run(DATASET, "p")
    coco = json.loads((factory.workspace.data("p") / "dataset/coco/annotations.json").read_text())
    assert {row["box_id"] for row in coco["annotations"]} == yes
    assert {row["image_hash"] for row in coco["images"]} <= kept


def test_a_second_run_computes_nothing_and_a_new_image_only_itself(factory: Factory) -> None:
    factory.add("184324", "188465")
    factory.project()
    factory.run()
    again = factory.run()
    assert {name: found["computed"] for name, found in again.items()} == dict.fromkeys(again, 0)
    factory.add("356387")
    third = factory.run()
    assert [third[name]["computed"] for name in ("gathered_images", "filtered_images", "labeled_boxes")] == [1, 1, 1]
    assert third["labeled_boxes"]["reused"] == 2


def test_a_new_threshold_asks_anew_exactly_what_depends_on_it(factory: Factory) -> None:
    factory.add("188465")
    factory.project()
    factory.run()
    factory.project(thresholds="{label_score: 0.6, verify_score: 0.5}")
    made = factory.run()
    assert made["gathered_images"]["computed"] == 0
    assert made["labeled_boxes"]["computed"] == 0
    assert made["verified_boxes"]["computed"] == made["verified_boxes"]["in"] > 0


def test_a_person_overrules_the_model_both_ways(factory: Factory) -> None:
    factory.add("188465")
    factory.project()
    factory.run()
    before = factory.table("review").to_pylist()
    yes = next(row["box_id"] for row in before if row["verdict"] == "YES")
    no = next(row["box_id"] for row in before if row["verdict"] == "NO")
    decisions = {yes: {"decision": "rejected", "reviewer": "ada"}, no: {"decision": "approved", "reviewer": "ada"}}
    (factory.workspace.data("p") / "labels" / "reviews.json").write_text(json.dumps(decisions))
    factory.run("review")
    after = {row["box_id"]: row for row in factory.table("review").to_pylist()}
    assert (after[yes]["kept"], after[no]["kept"]) == (False, True)
    assert after[no]["reviewer"] == "ada"


def test_a_damaged_reviews_file_is_an_error_and_never_read_as_no_decisions(factory: Factory) -> None:
    factory.add("188465")
    factory.project()
    factory.run()
    (factory.workspace.data("p") / "labels" / "reviews.json").write_text("{half")
    assert factory.run("review") == {}
    assert not factory.result.success


def test_a_bucket_in_which_nothing_is_kept_stops_there(factory: Factory) -> None:
    factory.add("129054")
    factory.project()
    made = factory.run()
    assert set(made) == {"gathered_images", "filtered_images"}
    assert "keep_rate" in factory.failed_checks()


def test_an_empty_bucket_goes_through_with_empty_tables(factory: Factory) -> None:
    factory.project()
    made = factory.run()
    assert factory.result.success
    assert [made[name]["in"] for name in made] == [0, 0, 0, 0, 0]


def test_a_backend_that_fails_on_many_images_blocks_and_is_asked_again(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlf_resources.vlm.embedded import EmbeddedVlm

    factory.add("184324", "188465")
    factory.project()

    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedVlm, "_in_image", broken)
        made = factory.run()
    assert made["filtered_images"]["errors"] == 2
    assert factory.table("filter")["error"].to_pylist() == ["RuntimeError: out of memory"] * 2
    assert "backend_errors" in factory.failed_checks()
    assert "labeled_boxes" not in made
    assert factory.run()["filtered_images"]["computed"] == 2


def test_a_limit_leaves_what_was_there_before(factory: Factory) -> None:
    factory.add("184324", "188465", "356387")
    factory.project()
    made = factory.run(filtered_images={"limit": 1})
    assert (made["filtered_images"]["in"], made["filtered_images"]["not_asked"]) == (1, 2)
    factory.run()
    made = factory.run(filtered_images={"limit": 1})
    assert made["filtered_images"]["in"] == 3


def test_an_image_that_left_its_folder_stays_and_one_whose_folder_left_the_yaml_goes(factory: Factory) -> None:
    factory.add("184324", "188465")
    factory.project()
    factory.run("gather")
    (factory.photos / "000000184324.jpg").unlink()
    assert factory.run("gather")["gathered_images"]["out"] == 2
    other = factory.workspace.root / "other"
    other.mkdir()
    factory.workspace.write_project("p", {"positive/x": other})
    assert factory.run("gather")["gathered_images"]["out"] == 0


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"")], ids=["deleted", "emptied"])
def test_a_raw_file_that_was_lost_is_fetched_again(factory: Factory, damage: Callable[[Path], object]) -> None:
    factory.add("184324")
    factory.project()
    factory.run("gather")
    raw = next((factory.workspace.data("p") / "raw").rglob("*.jpg"))
    content = raw.read_bytes()
    damage(raw)
    assert factory.run("gather")["gathered_images"]["computed"] == 1
    assert raw.read_bytes() == content


@pytest.mark.parametrize("copy", ["two names", "two buckets"])
def test_the_same_bytes_are_one_image_of_the_data_set(factory: Factory, copy: str) -> None:
    factory.add("188465")
    second = factory.workspace.root / "second"
    second.mkdir()
    where = factory.photos if copy == "two names" else second
    shutil.copyfile(factory.photos / "000000188465.jpg", where / "copy.jpg")
    file = factory.workspace.write_project("p", {"positive/x": factory.photos, "positive/y": second})
    add_missing(factory.instance, [Project.load(file)])
    made = factory.run()
    factory.run(key="p__positive.y")
    if copy == "two names":
        assert made["gathered_images"]["counts"] == {"kept": 1, "duplicate": 1}
        row = next(row for row in factory.table("gather").to_pylist() if row["state"] == "duplicate")
        assert row["duplicate_of"] == row["image_id"]
        assert row["reason"] == "the same bytes as 000000188465.jpg"
    found = factory.run(DATASET, "p")["dataset"]
    assert found["images"] == 1


def test_a_query_outside_the_80_classes_names_real_backends(factory: Factory) -> None:
    factory.add("184324")
    factory.project(target_object="fiber optic drone", falcon_queries="[cable spool]")
    assert set(factory.run()) == {"gathered_images"}
    failure = next(event for event in factory.result.all_events if event.is_step_failure)
    said = failure.step_failure_data.error.cause.message  # type: ignore[union-attr]
    assert "knows the 80 COCO classes" in said
    assert "falcon or qwen" in said


@pytest.fixture
def ask(factory: Factory) -> Callable[[], list[str]]:
    return lambda: factory.instance.get_dynamic_partitions("project_bucket")


def test_partitions_of_a_project_are_added_together_and_never_removed(
    factory: Factory, ask: Callable[[], list[str]]
) -> None:
    project = factory.project()
    assert ask() == [KEY]
    assert add_missing(factory.instance, [project]) == []
    factory.workspace.write_project("p", {"positive/z": factory.photos})
    add_missing(factory.instance, [Project.load(project.file)])
    assert ask() == [KEY, "p__positive.z"]


def test_every_materialisation_tells_counts_rate_model_and_samples(factory: Factory) -> None:
    factory.add("188465")
    factory.project()
    made = factory.run()
    for name, found in made.items():
        assert found["in"] == found["out"] + found["dropped"] + found["errors"], name
        assert Path(found["table"]).is_file()
        assert found["samples"].records, name
        assert "images_per_second" in found
    for name in ("filtered_images", "verified_boxes"):
        assert 0 < made[name]["yes_rate"] <= 1
        assert made[name]["model"] == "nanodet-m-416"
        assert len(made[name]["prompt_hash"]) == 16


def test_answers_to_an_earlier_setting_come_back_without_being_computed(factory: Factory) -> None:
    factory.add("184324", "188465")
    factory.project()
    factory.run()
    factory.project(thresholds="{label_score: 0.7}")
    made = factory.run("label", labeled_boxes={"limit": 1})
    assert (made["labeled_boxes"]["computed"], made["labeled_boxes"]["not_asked"]) == (1, 1)
    factory.project()
    again = factory.run()
    assert {name: found["computed"] for name, found in again.items() if name != "reviewed_boxes"} == dict.fromkeys(
        ("gathered_images", "filtered_images", "labeled_boxes", "verified_boxes"), 0
    )


def test_one_lost_file_is_one_failed_image(factory: Factory) -> None:
    factory.add("184324", "188465", "356387")
    factory.project(thresholds="{max_error_rate: 0.5}")
    factory.run("gather")
    next((factory.workspace.data("p") / "raw").rglob("*.jpg")).unlink()
    made = factory.run("filter")
    assert (made["filtered_images"]["out"], made["filtered_images"]["errors"]) == (2, 1)
    (said,) = [text for text in factory.table("filter")["error"].to_pylist() if text]
    assert "dlf gather" in said


def test_a_renamed_file_leaves_the_same_table_twice(factory: Factory) -> None:
    factory.add("188465")
    factory.project()
    factory.run("gather")
    (factory.photos / "000000188465.jpg").rename(factory.photos / "renamed.jpg")
    counts = [factory.run("gather")["gathered_images"]["counts"] for _ in range(2)]
    assert counts == [{"kept": 1}] * 2


def test_the_report_shows_numbers_and_pictures(factory: Factory) -> None:
    factory.add("184324", "129054")
    factory.project(ground_truth=str(SAMPLE / "ground_truth.coco.json"))
    factory.run()
    made = factory.run(DATASET, "p")
    folder = factory.workspace.data("p") / "report"
    report = json.loads((folder / "report.json").read_text())
    assert report["buckets"]["positive/x"]["images"] == 2
    assert report["buckets"]["positive/x"]["filter_yes"] == 1
    assert report["evaluation"]["truth_boxes"] == 42
    assert made["dataset"]["evaluation"] == report["evaluation"]
    assert "positive/x" in (folder / "report.md").read_text()
    with Image.open(folder / "boxes.webp") as sheet:
        assert sheet.width > 1000


def test_answers_set_aside_survive_a_run_that_dies_while_they_are_asked_again(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlf_resources.stores.tables import ParquetTableIOManager

    factory.add("184324", "188465")
    factory.project()
    factory.run()
    factory.project(thresholds="{label_score: 0.7}")
    factory.run("label")
    factory.project()
    with monkeypatch.context() as patch:
        patch.setattr(ParquetTableIOManager, "handle_output", _die)
        assert factory.run("label") == {}
    assert factory.run("label")["labeled_boxes"]["computed"] == 0


def _die(*_: object) -> None:
    raise SystemExit("killed before the table was written")
