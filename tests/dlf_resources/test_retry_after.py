"""How long a server asks to be left alone: seconds or a date, and nothing where it says neither."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import httpx
import pytest

from dlf_resources.retry_after import retry_after


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_none_where_it_says_nothing(said: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": said}) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90), usegmt=True)
    assert retry_after({"Retry-After": later}) == pytest.approx(89.5, abs=1)
    assert retry_after({}) is None


@pytest.mark.parametrize(
    "said",
    [
        "Wednesday, 21-Oct-15 07:28:00 GMT",  # RFC 850, which RFC 9110 wants read, too
        "Wed Oct 21 07:28:00 2015",  # asctime
        "Wed, 21 Oct 2015 07:28:00 +0200",
        "Wed, 21 Oct 2015 07:28:00",
        "Wed, 21 Oct 2015 07:28:00 -0000",
        "-inf",
        "1e400",
        "infinity",
        "7 seconds",
        "7,5",
        "0x10",
        "\u0667",  # a digit of another script
        "9" * 5000,
        "1" * 100_000 + " Jan",
        "Thu, 01 Jan 99999 00:00:00 GMT",
        "\x00",
    ],
)
def test_whatever_stands_there_is_a_finite_wait_or_none(said: str) -> None:
    waited = retry_after({"Retry-After": said})
    assert waited is None or 0 <= waited < float("inf")


@pytest.mark.parametrize(
    "said", ["Wednesday, 21-Oct-15 07:28:00 GMT", "Wed Oct 21 07:28:00 2015", "Wed, 21 Oct 2015 07:28:00"]
)
def test_dates_in_the_older_forms_are_utc_and_a_past_one_is_no_wait(said: str) -> None:
    assert retry_after({"Retry-After": said}) == 0.0


@pytest.mark.parametrize("kind", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"])
def test_a_date_to_come_is_waited_for_in_every_form(kind: str) -> None:
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)).strftime(kind)
    assert retry_after({"Retry-After": later}) == pytest.approx(89.5, abs=1)


def test_the_name_of_the_header_is_read_as_the_mapping_reads_it() -> None:
    assert retry_after(httpx.Headers({"retry-after": "7"})) == 7.0
