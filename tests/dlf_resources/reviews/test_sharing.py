"""Logs of two machines that share a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from object_store.corner import Corner
from review_operations import BOX, operation, verdict

from dlf_core.errors import StoreError
from dlf_core.reviews.operations import Operation
from dlf_resources.reviews import sharing
from dlf_resources.reviews.log import ReviewLog
from dlf_resources.reviews.sharing import absorb, share
from dlf_resources.stores.base import Store
from dlf_resources.stores.local import LocalStore

pytest_plugins = ["object_store.fixtures"]
Stores = Callable[[], Store]


@pytest.fixture(params=["local", "r2"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """The store, as each machine opens it."""
    if request.param == "local":
        return lambda: LocalStore(tmp_path / "shared")
    corner: Corner = request.getfixturevalue("corner")
    return corner.store


@pytest.fixture
def ada(tmp_path: Path) -> ReviewLog:
    return ReviewLog(tmp_path / "ada.sqlite3")


@pytest.fixture
def grace(tmp_path: Path) -> ReviewLog:
    return ReviewLog(tmp_path / "grace.sqlite3")


def say(log: ReviewLog, *said: Operation) -> None:
    log.append(said, lambda _: None)


def ids(log: ReviewLog) -> set[str]:
    return {str(event.op.op_id) for _, event in log.events()}


def test_what_one_says_the_other_hears_once(store: Stores, ada: ReviewLog, grace: ReviewLog) -> None:
    assert (share(ada, store()), absorb(grace, store())) == (0, 0)
    say(ada, verdict(), operation("note", "dark", 1))
    say(grace, verdict(box_id="c" * 32))
    assert (share(ada, store()), share(grace, store())) == (2, 1)
    assert (absorb(ada, store()), absorb(grace, store())) == (1, 2)
    assert ids(ada) == ids(grace)
    assert {one.subject_id: one for one in ada.subjects()} == {one.subject_id: one for one in grace.subjects()}
    assert (share(ada, store()), share(grace, store()), absorb(ada, store()), absorb(grace, store())) == (0, 0, 0, 0)
    say(ada, verdict("rejected", 2))
    assert (share(ada, store()), absorb(grace, store())) == (1, 1)
    current = grace.subject(BOX)
    assert current is not None
    assert (current.decision, current.version) == ("rejected", 3)


@pytest.mark.parametrize("backwards", [False, True])
def test_logs_read_in_any_order_come_to_the_same(
    ada: ReviewLog, grace: ReviewLog, tmp_path: Path, backwards: bool
) -> None:
    say(ada, verdict("approved"), verdict("unsure", 1))
    grace.absorb(event for _, event in ada.events())
    say(grace, verdict("rejected", 2), operation("note", "dark", 3))
    say(ada, verdict("approved", 2))  # at the same time as Grace, who has gone on since
    logs = [ada, grace]
    third = ReviewLog(tmp_path / "third.sqlite3")
    for log in reversed(logs) if backwards else logs:
        third.absorb([event for _, event in log.events(here=True)])
    ada.absorb([event for _, event in grace.events(here=True)])
    grace.absorb([event for _, event in ada.events(here=True)])
    assert third.subjects() == ada.subjects() == grace.subjects()
    (current,) = third.subjects()
    assert (current.decision, current.note, current.version) == ("approved", "dark", 5)


def test_many_events_are_several_objects(
    store: Stores, ada: ReviewLog, grace: ReviewLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_MOST", 10)
    say(ada, *(verdict(base=number) for number in range(25)))
    assert share(ada, store()) == 25
    assert len(list(store().list(sharing.FOLDER))) == 3
    assert absorb(grace, store()) == 25
    assert [event.op for _, event in grace.events()] == [event.op for _, event in ada.events()]


def test_who_was_killed_after_writing_goes_on_behind_it(store: Stores, ada: ReviewLog, grace: ReviewLog) -> None:
    say(ada, verdict())
    share(ada, store())
    ada.remember(sharing._fact(store()), "0")
    say(ada, verdict("rejected", 1))
    assert share(ada, store()) == 2
    assert absorb(grace, store()) == 2
    assert ids(ada) == ids(grace)


def test_a_log_that_was_copied_takes_a_name_of_its_own(
    store: Stores, ada: ReviewLog, grace: ReviewLog, tmp_path: Path
) -> None:
    say(ada, verdict())
    ada.name()
    copy = ReviewLog(tmp_path / "copy.sqlite3")
    copy.file.write_bytes(ada.file.read_bytes())
    say(ada, verdict("rejected", 1))
    say(copy, verdict("unsure", 1))
    share(ada, store())
    share(copy, store())
    assert copy.name() != ada.name()
    absorb(grace, store())
    assert ids(grace) == ids(ada) | ids(copy)
    assert absorb(ada, store()) == 1
    assert ids(ada) == ids(grace)


def test_a_damaged_object_is_named(store: Stores, ada: ReviewLog) -> None:
    for content in (b"{", b"[]", b'{"log": "x", "events": [{"op": {}}]}'):
        store().put(f"{sharing.FOLDER}/x-1.json", content)
        with pytest.raises(StoreError, match=r"x-1\.json: is not a batch of reviews .*; restore it or move it away"):
            absorb(ada, store())
