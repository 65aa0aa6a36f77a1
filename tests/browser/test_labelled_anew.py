"""A new detection finds other boxes in another order: what was said stays on the boxes it was said of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from canvas_page import places, press_all, shown_decisions, wait_for_boxes, wait_until_saved
from made_projects import BUCKETS
from workspaces import TestWorkspace

pytestmark = pytest.mark.browser

KEYS = "axuuxaxa"
Box = tuple[str, str, float, float, float, float]


def decisions_by_box(boxes: list[dict[str, Any]]) -> dict[Box, str]:
    """What each box is, not where it stands in a list → what was decided."""
    return {(box["box_id"], box["class_name"], *box["corners"].values()): box["decision"] for box in boxes}


def test_verdicts_stay_on_their_boxes_when_more_are_found(
    serve: Callable, sit_down: Callable, reviewed: TestWorkspace
) -> None:
    server = serve("people")
    place = max(places(server, "people", "positive/people"), key=lambda place: len(place.boxes()))
    ada = sit_down(server)
    page = ada.page
    ada.open(place.path)
    wait_for_boxes(page, len(place.boxes()))
    press_all(page, KEYS)
    wait_until_saved(page)
    before = place.boxes()

    few = "{label_score: 0.15, filter_score: 0.05}"
    reviewed.write_project("people", BUCKETS, falcon_queries="[handbag, zebra, person]", thresholds=few)
    done = reviewed.dlf("pipeline", "--project", "people")
    assert done.returncode == 0, done.stderr
    page.reload()

    after = place.boxes()
    wait_for_boxes(page, len(after))
    assert len(after) > len(before)
    ids = [box["box_id"] for box in after]
    numbers = [ids.index(box["box_id"]) for box in before[: len(KEYS)]]
    assert numbers != list(range(len(KEYS))), "the order was to change"
    said = {box: decision for box, decision in decisions_by_box(before).items() if decision != "none"}
    assert len(said) == len(KEYS)
    assert {box: decision for box, decision in decisions_by_box(after).items() if decision != "none"} == said
    assert shown_decisions(page) == [box["decision"] for box in after]
    assert not any(box["carried"] for box in after)
