from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.usage import Price, Usage

COUNT = st.integers(0, 10**12)
USAGE = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT.map(float), COUNT)


def test_a_new_usage_is_nothing():
    assert Usage() == Usage(0, 0, 0, 0, 0, 0.0, 0)


def test_usages_add_up_field_by_field_and_stay_as_they_were():
    first = Usage(1, 2, 3, 4, 5, 6.5, 7)
    second = Usage(
        requests=10, retries=20, throttled=30, input_tokens=40, output_tokens=50, backend_seconds=60.25, bytes_sent=70
    )
    assert first + second == Usage(11, 22, 33, 44, 55, 66.75, 77)
    assert first == Usage(1, 2, 3, 4, 5, 6.5, 7)
    assert second.requests == 10


@given(st.lists(USAGE, max_size=5))
def test_many_usages_have_a_sum_in_whatever_order(usages):
    total = sum(usages, Usage())
    assert total == sum(reversed(usages), Usage())
    assert total.requests == sum(usage.requests for usage in usages)
    assert total.bytes_sent == sum(usage.bytes_sent for usage in usages)


@pytest.mark.parametrize(
    ("price", "money"),
    [
        (Price(), 0.0),
        (Price(input_per_million=0.2), 0.6),  # three million tokens
        (Price(output_per_million=0.6), 0.3),  # half a million
        (Price(per_request=0.001), 2.0),  # two thousand
        (Price(per_hour=2.5), 3.75),  # an hour and a half
        (Price("EUR", 0.2, 0.6, 0.001, 2.5), 6.65),
    ],
)
def test_a_price_is_of_tokens_requests_and_hours(price, money):
    usage = Usage(requests=2000, input_tokens=3_000_000, output_tokens=500_000, backend_seconds=90_000)
    assert price.of(usage, wall_seconds=5400) == pytest.approx(money)


def test_a_rented_machine_takes_the_time_the_stage_took_not_the_sum_over_its_requests():
    price = Price(per_hour=1.8)
    assert price.of(Usage(requests=16, backend_seconds=16 * 3600), wall_seconds=3600) == pytest.approx(1.8)
    assert price.of(Usage(), wall_seconds=1.0) == pytest.approx(0.0005)


def test_a_retried_request_is_paid_once_as_requests_hold_the_retries():
    assert Price(per_request=0.01).of(Usage(requests=5, retries=2, throttled=1), 0.0) == pytest.approx(0.05)


@given(USAGE, USAGE)
def test_two_stages_take_what_both_take_alone(first, second):
    price = Price("USD", 0.15, 0.6, 0.002, 1.1)
    apart = price.of(first, 100.0) + price.of(second, 50.0)
    assert price.of(first + second, 150.0) == pytest.approx(apart)
