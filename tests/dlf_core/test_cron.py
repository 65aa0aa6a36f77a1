"""Which texts are cron expressions."""

import pytest

from dlf_core.cron import cron_problem


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *",
        "*/5 * * * *",
        "0 0,12 1-15 * MON-FRI",
        "@daily",
        "@HOURLY",
        "59 23 31 DEC 7",
        "0 3 30 2 mon",
        "10-50/20 * * * *",
    ],
)
def test_what_cron_knows_is_taken(text: str) -> None:
    assert cron_problem(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("99 99 * * *", "minute '99', which is not in 0-59"),
        ("0 24 * * *", "hour '24'"),
        ("0 3 0 * *", "day of the month '0'"),
        ("0 3 * 13 *", "month '13'"),
        ("0 3 * * 8", "day of the week '8'"),
        ("? * * * *", "which cron does not know"),
        ("0 3 L * FOO", "day of the month 'l', which cron does not know"),
        ("5-1 * * * *", "minute '5-1'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("0 3 31 2 *", "a day that never comes"),
        ("0 3 31 4,6 *", "a day that never comes"),
        ("every night", "five fields"),
        ("", "five fields"),
        ("0 3 * * * *", "five fields"),
        ("@sometimes", "five fields"),
    ],
)
def test_what_it_does_not_know_is_told(text: str, says: str) -> None:
    assert says in (cron_problem(text) or "")
