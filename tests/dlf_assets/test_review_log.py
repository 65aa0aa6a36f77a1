"""What people say on the review page, in the tables and in the data set."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from factory import KEY, Factory
from review_operations import classed, corners, operation, verdict

from dlf_assets.automation.decisions import human_decisions
from dlf_assets.partitions import add_missing
from dlf_core.formats.dataset import Dataset
from dlf_core.project import Project
from dlf_core.reviews.operations import ClassedBox, Operation
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.dataset_source import assemble
from dlf_resources.projects import store_of, tables_of
from dlf_resources.reviews.said import log_of

PERSON = "188465"
"""A photo with boxes of both verdicts."""


@pytest.fixture
def made(factory: Factory) -> Factory:
    factory.add(PERSON)
    factory.project()
    factory.run()
    return factory


def rows(factory: Factory) -> dict[str, dict[str, Any]]:
    return {row["box_id"]: row for row in factory.table("review").to_pylist()}


def of(factory: Factory, word: str) -> dict[str, Any]:
    return next(row for row in rows(factory).values() if row["verdict"] == word)


def seen(row: dict[str, Any]) -> ClassedBox:
    return classed(row["class_name"], *(row[name] for name in ("x1", "y1", "x2", "y2")))


def say(factory: Factory, *said: Operation, seen: ClassedBox | None = None) -> None:
    outcomes = log_of(store_of(factory.loaded())).append(said, lambda _: seen)
    assert [type(one).__name__ for one in outcomes] == ["Taken"] * len(said)


def about(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"box_id": row["box_id"], "image_id": row["image_id"]} | more


def dataset(factory: Factory) -> Dataset:
    return assemble(factory.loaded()).dataset


def test_the_run_leads_to_the_page_and_the_page_to_the_run(made: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = made.run("review")["reviewed_boxes"]
    page = "http://127.0.0.1:3030"
    assert metadata["review_page"] == f"{page}/?project=p&bucket=positive%2Fx"
    doubt = {row["box_id"]: abs(row["p_yes"] - 0.5) for row in rows(made).values()}
    first = min(doubt, key=lambda box_id: (doubt[box_id], box_id))
    told = metadata["most_doubtful"].splitlines()
    link = f"{page}/canvas?project=p&bucket=positive%2Fx&image={rows(made)[first]['image_id']}&box={first}"
    assert link in told[0]
    assert len(told) == min(8, len(doubt))
    assert tables_of(made.loaded()).run("review", KEY) in {run.run_id for run in made.instance.get_runs()}
    # Who has decided of all boxes is led to the bucket only, wherever the page is.
    monkeypatch.setenv("DLF_REVIEW_URL", "https://review.example/")
    say(made, *(verdict("approved", **about(row)) for row in rows(made).values()))
    metadata = made.run("review")["reviewed_boxes"]
    assert metadata["review_page"] == "https://review.example/?project=p&bucket=positive%2Fx"
    assert "most_doubtful" not in metadata


def test_verdicts_edits_and_drawn_boxes_come_into_table_and_data_set(made: Factory) -> None:
    yes, no = of(made, "YES"), of(made, "NO")
    image_id, new = yes["image_id"], "f" * 32
    before = dataset(made).box_count
    say(made, verdict("rejected", **about(yes)), verdict("approved", **about(no)))
    say(made, operation("geometry", corners(0.2, 0.2, 0.4, 0.4), 1, **about(no)))
    say(made, operation("add", classed("person", 0.6, 0.6, 0.7, 0.8), box_id=new, image_id=image_id, reviewer="Grace"))
    metadata = made.run("review")["reviewed_boxes"]
    after = rows(made)
    assert (after[yes["box_id"]]["kept"], after[no["box_id"]]["kept"], after[new]["kept"]) == (False, True, True)
    changed = after[no["box_id"]]
    assert (changed["edit"], changed["x1"], changed["reviewer"], changed["verdict"]) == ("geometry", 0.2, "Ada", "NO")
    drawn = after[new]
    assert (drawn["edit"], drawn["backend"], drawn["model"], drawn["verdict"]) == ("drawn", "person", "Grace", None)
    counts = {name: metadata[name] for name in ("decided_by_people", "edited_by_people", "decisions_without_box")}
    assert counts == {"decided_by_people": 3, "edited_by_people": 2, "decisions_without_box": 0}
    assert dataset(made).box_count == before + 1
    say(made, operation("delete", True, 1, box_id=new, image_id=image_id))
    made.run("review")
    assert (rows(made)[new]["edit"], rows(made)[new]["kept"]) == ("deleted", False)
    assert dataset(made).box_count == before


def test_an_image_that_a_person_rejects_is_not_in_the_data_set_and_one_they_approve_is(made: Factory) -> None:
    (image,) = dataset(made).images
    say(made, operation("image_verdict", "rejected", image_id=image.image_id))
    assert made.run("review")["reviewed_boxes"]["images_decided"] == 1
    assert len(dataset(made).images) == 0
    every = [row for row in rows(made).values() if row["verdict"] != "NO"]
    say(made, operation("image_verdict", "approved", 1, image_id=image.image_id))
    say(made, *(verdict("unsure", **about(row)) for row in every))
    made.run("review")
    (approved,) = dataset(made).images
    assert list(approved.boxes) == []
    say(made, operation("image_verdict", "none", 2, image_id=image.image_id))
    made.run("review")
    assert len(dataset(made).images) == 0, "its boxes are undecided"


def test_what_was_said_survives_a_new_detection(made: Factory) -> None:
    yes = of(made, "YES")
    say(made, verdict("rejected", **about(yes, box_id="e" * 32)), seen=seen(yes))
    metadata = made.run("review")["reviewed_boxes"]
    row = rows(made)[yes["box_id"]]
    assert (row["decision"], row["carried_from"], row["kept"]) == ("rejected", "e" * 32, False)
    assert (metadata["carried_over"], metadata["decisions_without_box"]) == (1, 0)
    gone = classed("person", 0.0, 0.0, 0.01, 0.01)
    say(made, verdict("rejected", **about(yes, box_id="d" * 32)), seen=gone)
    assert made.run("review")["reviewed_boxes"]["decisions_without_box"] == 1


def test_one_run_a_bucket_and_batch_of_events(made: Factory) -> None:
    cursor: str | None = None

    def look() -> list[str]:
        nonlocal cursor
        with dg.build_sensor_context(instance=made.instance, cursor=cursor) as context:
            result = human_decisions(context, projects=ProjectsResource())
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        return [str(request.partition_key) for request in result.run_requests or []]

    assert look() == []
    bucket = made.loaded().partition_keys()
    (name,) = [name for name, key in bucket.items() if key == KEY]
    say(made, verdict(bucket=name), verdict("rejected", 1, bucket=name))
    assert look() == [KEY]
    assert look() == []
    say(made, verdict("approved", 2, bucket="positive/another"))
    assert look() == []
    say(made, verdict("unsure", 3, bucket=name))
    assert look() == [KEY]


def test_an_image_that_lies_in_two_buckets_is_news_for_both(factory: Factory) -> None:
    factory.add(PERSON)
    file = factory.workspace.write_project(
        "p", {"positive/x": factory.photos, "positive/y": factory.photos}, thresholds="{label_score: 0.6}"
    )
    add_missing(factory.instance, [Project.load(file)])
    keys = sorted(factory.loaded().partition_keys().values())
    for key in keys:
        factory.run(key=key)
    say(factory, verdict("rejected", **about(of(factory, "YES"), bucket="positive/y")))
    with dg.build_sensor_context(instance=factory.instance) as context:
        result = human_decisions(context, projects=ProjectsResource())
    assert isinstance(result, dg.SensorResult)
    assert sorted(str(request.partition_key) for request in result.run_requests or []) == keys
