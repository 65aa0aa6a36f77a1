"""`X-Robots-Tag`, however it is written: what refuses a picture to this program and what speaks to others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_resources.web.opt_outs import AGENT, refusal

REFUSALS = ["noai", "noimageai", "noindex", "noimageindex", "none"]
DATES = [
    *("25 Jun 2010 15:00:00 PST", "Fri, 25 Jun 2010 15:00:00 GMT", "Friday, 25-Jun-10 15:00:00 UTC"),
    *("2010-06-25T15:00:00Z", "2010-06-25"),
]  # fmt: skip


@pytest.mark.parametrize("word", REFUSALS)
@pytest.mark.parametrize("written", [
    *("{}", " {} ", "nofollow,{}", "{},nofollow", "nofollow ,\t{} , noarchive", ",,{},,", "{0}, {0}"),
    *("data-label-factory:{}", "data-label-factory : {}", "DATA-LABEL-FACTORY: nofollow, {}"),
    "max-snippet:2, max-snippet:3, {}",
    *("max-snippet: 20, {}", "max-image-preview:large, {}", "max-video-preview: -1,{}"),
    "a: all, data-label-factory: {}",
])  # fmt: skip
def test_a_refusal_is_heard_wherever_it_stands_and_however_it_is_written(word: str, written: str) -> None:
    for text in (written.format(word), written.format(word.upper()), written.format(word.title())):
        assert refusal([text]) == word
        assert refusal(["all", text]) == word
        assert refusal(["otherbot: nofollow", text]) == word


@pytest.mark.parametrize("word", REFUSALS)
@pytest.mark.parametrize("written", [
    *("googlebot: {}", "googlebot: nofollow, {}", "img2dataset: {}", "data-label-factory2: {}", "max-snippet: {}"),
    *("data-label-factory: all, googlebot: {}", "my-data-label-factory: {}", "x{}", "{}x", "{} nofollow", "no-{}"),
    "googlebot: max-snippet: 3, {}",
])  # fmt: skip
def test_what_speaks_to_others_or_says_something_else_is_not_heard(word: str, written: str) -> None:
    assert refusal([written.format(word)]) is None


@pytest.mark.parametrize("date", DATES)
def test_the_date_of_unavailable_after_is_no_name_of_a_robot(date: str) -> None:
    assert refusal([f"unavailable_after: {date}"]) is None
    assert refusal([f"unavailable_after: {date}, noai"]) == "noai"
    assert refusal([f"noarchive, unavailable_after: {date}, noindex"]) == "noindex"
    assert refusal([f"otherbot: unavailable_after: {date}, noindex"]) is None


def test_what_speaks_to_all_robots_speaks_to_this_one() -> None:
    assert refusal(["*: noai"]) == "noai"


def test_one_value_after_the_other_begins_anew() -> None:
    assert refusal(["googlebot: nofollow", "noai"]) == "noai"
    assert refusal([f"{AGENT}: nofollow", "googlebot: noai"]) is None
    assert refusal([]) is None
    assert refusal(["", ",", ":", "::", " : , "]) is None


@given(st.lists(st.text(st.sampled_from("noai:, -xNONE*\t\x00é"), max_size=30), max_size=4))
def test_whatever_a_host_writes_is_read_without_an_error(values: list[str]) -> None:
    assert refusal(values) in (None, *REFUSALS)
