"""Old answers that are asked for again: how many, how they are compared, and that the table keeps what it has."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from factory import KEY, Factory

from dlf_assets.asks import Asks
from dlf_assets.automation.jobs import relabel_config
from dlf_assets.definitions import defs
from dlf_assets.stability import Stability, chosen, compared

PHOTOS = ("184324", "188465", "129054")  # two with persons, one with zebras


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.001, 1), (0.25, 5), (1.0, 20)])
def test_a_share_of_the_answers_that_are_there_is_chosen(share: float, count: int) -> None:
    asks = Asks.of(((f"{number}",) for number in range(40)), lambda number: number)
    answered = pa.chunked_array([pa.array([f"{number}" for number in range(0, 40, 2)])])
    found = chosen(asks, answered, share, np.random.default_rng(1))
    assert len(found) == len(set(found.tolist())) == count
    assert sorted(found.tolist()) == found.tolist()
    assert all(number % 2 == 0 for number in found)


def test_nothing_is_chosen_where_nothing_was_answered() -> None:
    asks = Asks.of((("a",),), lambda number: number)
    assert len(chosen(asks, pa.chunked_array([pa.array([], pa.string())]), 1.0, np.random.default_rng())) == 0


def test_other_answers_are_counted_and_errors_are_no_answers() -> None:
    old = pa.table({"memo_key": ["a", "b", "c", "d"], "verdict": ["YES", "NO", "YES", "NO"]})
    said = {"a": "YES", "b": "YES", "c": "ERROR"}
    found = compared(old, "verdict", [SimpleNamespace(memo_key=key, verdict=one) for key, one in said.items()])
    assert found == Stability(asked=3, changed=1, errors=1)
    assert found.rate == 0.5
    assert Stability(2, 0, 2).rate is None


def test_a_backend_that_says_what_it_said_is_stable(factory: Factory) -> None:
    factory.add(*PHOTOS)
    factory.project()
    first = factory.run()
    assert "asked_again" not in first["filtered_images"]
    again = factory.run(filtered_images={"sample": 1.0}, verified_boxes={"sample": 0.01})
    assert again["filtered_images"]["asked_again"] == first["filtered_images"]["in"]
    assert again["filtered_images"]["disagreement_rate"] == 0.0
    assert again["filtered_images"]["computed"] == 0
    assert again["verified_boxes"]["asked_again"] == 1
    assert "stable_answers" not in factory.failed_checks()


def test_one_that_changed_its_mind_is_told_and_the_table_keeps_the_old_answers(factory: Factory) -> None:
    factory.add(*PHOTOS)
    factory.project(relabel="{sample: 1, max_changed: 0.2}")
    factory.run()
    file = factory.workspace.data("p") / "labels" / "filter" / f"{KEY}.parquet"
    table = pq.read_table(file)
    # As if another model had said all this under the same name.
    other = pc.if_else(pc.equal(table["verdict"], "YES"), "NO", "YES")
    place = table.schema.get_field_index("verdict")
    pq.write_table(table.set_column(place, table.schema.field(place), other), file)

    made = factory.run("filter", filtered_images=relabel_config(factory.loaded())["ops"]["filtered_images"]["config"])
    count = len(table)
    assert made["filtered_images"]["changed_answers"] == count
    said = f"{count} of {count} old answers (100%) are others now"
    assert factory.failed_checks()["stable_answers"].startswith(said)
    assert factory.result.success  # it warns, and stops nothing
    assert factory.table("filter")["verdict"].to_pylist() == other.to_pylist()


def test_a_job_of_one_project_takes_no_partition_of_another(factory: Factory) -> None:
    factory.add(*PHOTOS)
    factory.project()
    result = defs.resolve_job_def("gather").execute_in_process(
        instance=factory.instance,
        partition_key=KEY,
        raise_on_error=False,
        tags={"dlf/project": "q"},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    failure = next(event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    assert "is not of project 'q'" in str(failure.step_failure_data.error)
