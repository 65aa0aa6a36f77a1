"""What the card is told of how a data set came to be, read from hand-made stage tables."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
from finished_projects import DAY, Finished, box

from dlf_core.card import Provenance
from dlf_core.project import Project
from dlf_core.selection import Selection, select
from dlf_resources.dataset_source import assemble
from dlf_resources.provenance import provenance_of, verified_by_query

Make = Callable[..., Project]
TWO = "{positive/x: {folders: [photos]}, negative/y: {folders: [photos]}}"


def provenance(project: Project) -> Provenance:
    return provenance_of(project, assemble(project).dataset)


def test_a_project_that_has_not_run_is_told_by_what_it_looks_for(make_project: Make) -> None:
    project = make_project(falcon_queries="[a person, a rider]", classes="{a rider: person, a person: person}")
    assert provenance(project) == Provenance(
        "person",
        {"a person": "person", "a rider": "person"},
        [],
        buckets={"positive/x": {"candidates": 0, "images": 0, "filter_yes": 0, "boxes": 0}},
    )
    assert verified_by_query(project) == {}


def test_sources_and_days_are_those_of_the_images_that_are_in_it(project: Project) -> None:
    stages = Finished(project).image(1, box("b1"), source="openverse", fetched_at=DAY)
    stages.image(2, box("b2"), source="wikimedia", fetched_at=DAY + dt.timedelta(days=3))
    stages.image(3, box("b3"), source="openverse", fetched_at=DAY + dt.timedelta(days=1))
    stages.image(4, said="NO", source="folder", fetched_at=DAY - dt.timedelta(days=9))
    stages.image(5, box("b5"), source="urls", state="duplicate", fetched_at=DAY + dt.timedelta(days=9))
    made = provenance(stages.write())
    assert list(made.sources.items()) == [("openverse", 2), ("wikimedia", 1)]
    assert made.gathered == (dt.date(2026, 1, 2), dt.date(2026, 1, 5))


def test_an_image_that_lies_in_two_buckets_is_counted_once(make_project: Make) -> None:
    stages = Finished(make_project(buckets=TWO)).image(1, box("b1"))
    made = provenance(stages.image(1, box("b1"), bucket="negative/y").write())
    assert made.sources == {"folder": 1}
    assert [numbers["images"] for numbers in made.buckets.values()] == [1, 1]


def test_images_whose_day_nobody_wrote_down_have_none(project: Project) -> None:
    made = provenance(Finished(project).image(1, box("b1"), fetched_at=None).write())
    assert made.gathered is None


def test_buckets_are_counted_from_candidates_to_boxes(make_project: Make) -> None:
    stages = Finished(make_project(buckets=TWO)).image(1, box("b1"), box("b2"), box("b3", kept=False, verdict="NO"))
    stages.image(2, said="NO").image(3, state="duplicate").image(4, state="failed", bucket="negative/y")
    assert provenance(stages.write()).buckets == {
        "positive/x": {"candidates": 3, "images": 2, "filter_yes": 2, "boxes": 2},
        "negative/y": {"candidates": 1, "images": 0, "filter_yes": 1, "boxes": 0},
    }


def test_boxes_that_people_decided_are_counted_where_they_are_in_the_data_set(project: Project) -> None:
    seen = {"decision": "approved", "reviewer": "ann"}
    stages = Finished(project).image(1, box("b1", **seen), box("b2", decision="approved", reviewer="bob"), box("b3"))
    stages.image(2, box("b4", kept=False, decision="rejected", reviewer="eve"))
    stages.image(3, box("b5", **seen), said="NO")
    project = stages.write()
    made = provenance(project)
    assert (made.boxes_seen, made.reviewers) == (2, 2)
    approved = select(assemble(project).dataset, Selection(only_approved=True))
    assert approved.box_count == provenance_of(project, approved).boxes_seen == 2


def test_models_are_told_by_stage_with_what_they_said_most_often_first(make_project: Make) -> None:
    project = make_project(
        buckets=TWO, backends="{filter: qwen, label: [falcon], verify: qwen}", prompts="{verify: 'Is it {query}?'}"
    )
    stages = Finished(project).image(1, box("b1")).image(2, said="NO").image(3, said="NO")
    stages.image(4, box("b4", verdict="NO", kept=False), box("b5"), bucket="negative/y")
    for bucket in stages.rows.values():
        for stage in ("filter", "verify"):
            bucket[stage] = [dataclasses.replace(row, backend="qwen", model="q") for row in bucket[stage]]
    asked = provenance(stages.write()).models
    assert [(one.stage, one.backend, one.model, one.rows, list(one.said.items())) for one in asked] == [
        ("filter", "qwen", "q", 4, [("YES", 2), ("NO", 2)]),
        ("label", "embedded", "m", 4, [("FOUND", 2), ("EMPTY", 2)]),
        ("verify", "qwen", "q", 3, [("YES", 2), ("NO", 1)]),
    ]
    assert [one.prompt for one in asked] == [project.filter_prompt(), None, "Is it {query}?"]


def test_detectors_that_are_given_no_words_have_no_prompt(project: Project) -> None:
    made = provenance(Finished(project).image(1, box("b1")).write())
    assert [(one.stage, one.prompt) for one in made.models] == [("filter", None), ("label", None), ("verify", None)]


@pytest.mark.parametrize("other", ["NO", "UNSURE", "UNKNOWN"])
def test_verify_is_counted_by_query_over_all_buckets_and_without_errors(make_project: Make, other: str) -> None:
    stages = Finished(make_project(buckets=TWO, falcon_queries="[person, zebra]"))
    stages.image(1, box("b1"), box("b2", verdict=other, kept=False), box("b3", verdict="ERROR", kept=False))
    stages.image(2, box("b4"), box("b5", "zebra", verdict="ERROR", kept=False), bucket="negative/y")
    assert verified_by_query(stages.image(3, box("b6", verdict=None)).write()) == {"person": (2, 3)}
