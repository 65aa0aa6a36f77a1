"""What was decided while the project's YAML cannot be read waits, and is saved when it can be again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from canvas_page import places, press_all, wait_for_boxes, wait_until_saved
from playwright.sync_api import expect
from workspaces import TestWorkspace

pytestmark = pytest.mark.browser


def test_decisions_outlive_a_typo_in_the_yaml(serve: Callable, sit_down: Callable, reviewed: TestWorkspace) -> None:
    server = serve("people")
    place = places(server, "people", "positive/people")[0]
    keys = ["a", "x", "u"]
    ada = sit_down(server, meant="404")
    ada.open(place.path)
    wait_for_boxes(ada.page, len(place.boxes()))
    file = reviewed.root / "project_configs" / "people.yaml"
    whole = file.read_text()

    file.write_text("project_name: people\ntarget_object: [")
    press_all(ada.page, keys)
    state = ada.page.locator("header output")
    expect(state).to_contain_text(f"{len(keys)} waiting, nothing is lost: there is no project 'people', or its YAML")
    ada.page.reload()
    expect(state).to_contain_text(f"{len(keys)} waiting, nothing is lost")

    file.write_text(whole)
    wait_until_saved(ada.page)
    assert place.decisions()[:3] == ["approved", "rejected", "unsure"]
