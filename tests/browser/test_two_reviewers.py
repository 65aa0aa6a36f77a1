"""Two people on one image: whoever comes second is told so, and neither's word is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from canvas_page import (
    EVENTS,
    Place,
    option,
    places,
    press_all,
    shown_decisions,
    wait_for_boxes,
    wait_until_saved,
)
from playwright.sync_api import Locator, Route, expect
from review_log import logged
from reviewer import Reviewer
from workspaces import TestWorkspace

pytestmark = pytest.mark.browser


@dataclass
class Two:
    """Ada hears what others say; Grace does not, so that what she sees grows old."""

    ada: Reviewer
    grace: Reviewer
    place: Place
    workspace: TestWorkspace

    def said(self) -> list[tuple[str, str]]:
        """Who said what, in the order of the log."""
        return [(event.op.reviewer, str(event.op.value)) for event in logged(self.workspace, self.place.project)]

    @property
    def dialog(self) -> Locator:
        return self.grace.page.get_by_role("alertdialog")


@pytest.fixture
def two(serve: Callable, sit_down: Callable, reviewed: TestWorkspace) -> Two:
    server = serve("people")
    place = max(places(server, "people", "positive/people"), key=lambda place: len(place.boxes()))
    ada, grace = sit_down(server), sit_down(server, name="Grace", meant="ERR_FAILED|409")
    grace.page.route("**/api/stream", lambda route: route.abort())
    for one in (ada, grace):
        one.open(place.path)
        wait_for_boxes(one.page, len(place.boxes()))
    return Two(ada, grace, place, reviewed)


def disagree(two: Two) -> None:
    """Ada approves the first box, and Grace, who has not heard of it, rejects it."""
    two.ada.page.keyboard.press("a")
    wait_until_saved(two.ada.page)
    with two.grace.page.expect_response(EVENTS) as answer:
        two.grace.page.keyboard.press("x")
    assert answer.value.status == 409
    expect(first(two.grace)).to_have_accessible_name(re.compile(", approved"))  # what is there now
    expect(two.dialog).to_contain_text("Ada was faster")
    expect(two.dialog).to_contain_text("You said rejected; now it is approved")
    assert two.said() == [("Ada", "approved")]


def first(reviewer: Reviewer) -> Locator:
    return option(reviewer.page, 0)


def test_a_conflict_is_not_answered_by_the_keys_that_decide(two: Two) -> None:
    disagree(two)
    expect(two.dialog).to_be_focused()
    press_all(two.grace.page, [" ", "Enter", "a"])
    expect(two.dialog).to_contain_text("You said rejected; now it is approved")
    press_all(two.grace.page, ["Tab", "Enter"])
    expect(two.dialog).to_have_count(0)
    wait_until_saved(two.grace.page)
    assert two.said() == [("Ada", "approved"), ("Grace", "unsure"), ("Grace", "approved")]


def test_the_second_word_is_said_when_the_person_wants_it_so(two: Two) -> None:
    disagree(two)
    two.dialog.get_by_role("button", name="Say mine all the same").click()
    wait_until_saved(two.grace.page)
    expect(two.dialog).to_have_count(0)
    for one in (two.ada, two.grace):
        expect(first(one)).to_have_accessible_name(re.compile(", rejected"))
    assert two.said() == [("Ada", "approved"), ("Grace", "rejected")]
    assert two.place.decisions()[0] == "rejected"


def test_the_first_word_stays_when_the_person_leaves_it_so(two: Two) -> None:
    disagree(two)
    two.dialog.get_by_role("button", name="Leave it so").click()
    expect(two.dialog).to_have_count(0)
    for one in (two.ada, two.grace):
        expect(first(one)).to_have_accessible_name(re.compile(", approved"))
    assert two.said() == [("Ada", "approved")]
    # What Grace says next is based on what is there now.
    two.grace.page.keyboard.press("ArrowUp")
    two.grace.page.keyboard.press("u")
    wait_until_saved(two.grace.page)
    assert two.said() == [("Ada", "approved"), ("Grace", "unsure")]


def test_a_second_thought_overwrites_nothing_unseen(two: Two) -> None:
    """Grace decides twice before she hears of Ada: neither of her words may slip in as if it knew of Ada's."""
    grace = two.grace
    grace.meant = "ERR_FAILED|ERR_INTERNET_DISCONNECTED|409"
    grace.context.set_offline(True)
    press_all(grace.page, ["x", "ArrowUp", "u"])
    expect(grace.page.locator("header output")).to_contain_text("2 waiting")
    two.ada.page.keyboard.press("a")
    wait_until_saved(two.ada.page)
    grace.context.set_offline(False)
    expect(two.dialog).to_contain_text("Ada was faster")
    expect(two.dialog).to_contain_text("You said unsure; now it is approved")
    assert two.said() == [("Ada", "approved")]
    two.dialog.get_by_role("button", name="Leave it so").click()
    expect(two.dialog).to_have_count(0)
    expect(first(grace)).to_have_accessible_name(re.compile(", approved"))


def test_two_who_decide_different_boxes_at_once_are_not_in_each_others_way(serve: Callable, sit_down: Callable) -> None:
    server = serve("crowd")
    (place,) = places(server, "crowd", "positive/street")
    count = len(place.boxes())
    ada, grace = sit_down(server), sit_down(server, name="Grace")
    for one in (ada, grace):
        one.open(place.path)
        wait_for_boxes(one.page, count)
    choose(grace, 100)
    for _ in range(40):
        ada.page.keyboard.press("a")
        grace.page.keyboard.press("x")
    for one in (ada, grace):
        wait_until_saved(one.page)
        expect(one.page.get_by_role("alertdialog")).to_have_count(0)
    expected = decided(count, {"approved": range(40), "rejected": range(100, 140)})
    assert place.decisions() == expected
    for one in (ada, grace):
        expect(option(one.page, 139)).to_have_accessible_name(re.compile(", rejected"))
        expect(option(one.page, 39)).to_have_accessible_name(re.compile(", approved"))
        assert shown_decisions(one.page) == expected


def choose(reviewer: Reviewer, number: int) -> None:
    option(reviewer.page, number).click()


def decided(count: int, ranges: dict[str, Sequence[int]]) -> list[str]:
    decisions = ["none"] * count
    for decision, numbers in ranges.items():
        for number in numbers:
            decisions[number] = decision
    return decisions


def test_what_one_says_while_the_image_is_read_anew_stays(two: Two) -> None:
    """The answer was written before Ada's word was taken, and comes after it."""
    page = two.ada.page

    def late(route: Route) -> None:
        answer = route.fetch()
        page.keyboard.press("a")
        wait_until_saved(page)
        route.fulfill(response=answer)

    page.route(f"**/api/images/{two.place.image_id}?*", late, times=1)
    choose(two.grace, 5)
    two.grace.page.keyboard.press("x")
    expect(option(page, 5)).to_have_accessible_name(re.compile(", rejected"))
    expect(first(two.ada)).to_have_accessible_name(re.compile(", approved"))
    press_all(page, ["ArrowUp", "u"])
    wait_until_saved(page)
    assert two.said() == [("Grace", "rejected"), ("Ada", "approved"), ("Ada", "unsure")]
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_who_comes_to_an_image_hears_who_looks_at_it(serve: Callable, sit_down: Callable) -> None:
    server = serve("people")
    place, other, *_ = places(server, "people", "positive/people")
    ada, grace = sit_down(server), sit_down(server, name="Grace")
    with ada.page.expect_response("**/api/leases?*"):
        ada.open(place.path)
    grace.open(place.path)
    expect(grace.page.get_by_role("alert")).to_have_text(re.compile("Ada is looking at this image too"))
    with grace.page.expect_response("**/api/leases?*"):
        grace.open(other.path)
    expect(grace.page.get_by_role("alert")).to_have_count(0)
