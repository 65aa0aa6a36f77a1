"""What somebody has set and written is there after a reload: keys of their own, and notes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from canvas_page import Place, option, places, press_all, wait_for_boxes, wait_until_saved
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def place(serve: Callable) -> Place:
    return places(serve("people"), "people", "positive/people")[0]


@pytest.fixture
def page(place: Place, sit_down: Callable) -> Page:
    """The first image, just opened."""
    ada = sit_down(place.server)
    ada.open(place.path)
    wait_for_boxes(ada.page, len(place.boxes()))
    page: Page = ada.page
    return page


def set_keys(page: Page, change: Callable[[Locator], None]) -> None:
    """Change something in the dialog of the keys, and load the page anew."""
    page.get_by_role("button", name="keys").click()
    dialog = page.get_by_role("dialog")
    change(dialog)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    page.reload()
    page.get_by_role("option").first.wait_for()


def test_a_key_is_given_to_another_action_and_all_are_switched_off(page: Page, place: Place) -> None:
    def give(dialog: Locator) -> None:
        dialog.get_by_role("button", name="change the key for: cannot be told").click()
        page.keyboard.press("a")

    set_keys(page, give)
    option(page, 0).click()
    press_all(page, "aux")  # of these, "a" and "x" are keys now
    wait_until_saved(page)
    assert place.decisions()[:3] == ["unsure", "rejected", "none"]

    set_keys(page, lambda dialog: dialog.get_by_label("keys are on").uncheck())
    option(page, 2).click()
    press_all(page, "axy")
    page.get_by_role("button", name="right", exact=True).click()
    wait_until_saved(page)
    assert place.decisions()[:4] == ["unsure", "rejected", "approved", "none"]


def test_a_note_is_kept(page: Page, place: Place) -> None:
    option(page, 1).click()
    note = page.get_by_role("textbox", name="Note")
    note.fill("only a hand\nof it")
    note.blur()
    wait_until_saved(page)
    assert [box["note"] for box in place.boxes()[:3]] == [None, "only a hand\nof it", None]
    page.reload()
    option(page, 0).click()
    expect(note).to_have_value("")
    option(page, 1).click()
    expect(note).to_have_value("only a hand\nof it")
