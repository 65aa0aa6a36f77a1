"""The log of reviews: whoever comes second is told so, what was taken stays, and is there once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from review_operations import BOX, IMAGE, classed, corners, operation, verdict

from dlf_core.errors import StoreError
from dlf_core.records import Decision
from dlf_core.reviews.operations import Operation
from dlf_core.reviews.state import Subject
from dlf_resources.reviews.log import Refused, ReviewLog, Taken

SEEN = classed("person")


@pytest.fixture
def log(tmp_path: Path) -> ReviewLog:
    return ReviewLog(tmp_path / "reviews" / "log.sqlite3")


def take(log: ReviewLog, *said: Operation) -> list[Taken | Refused]:
    return log.append(said, lambda _: SEEN)


def test_a_log_that_is_not_there_says_nothing_and_is_not_made_by_reading(log: ReviewLog) -> None:
    assert (log.subjects(), log.subjects([IMAGE]), log.subject(BOX)) == ([], [], None)
    assert (log.events(), log.newest(), log.buckets_since(0), log.fact("x")) == ([], 0, {}, None)
    assert not log.file.parent.exists()


def test_what_is_taken_is_there_for_the_next_who_opens_it(log: ReviewLog) -> None:
    first, second = verdict(), operation("note", "dark", 1)
    assert [type(one) for one in take(log, first, second)] == [Taken, Taken]
    again = ReviewLog(log.file)
    (subject,) = again.subjects([IMAGE])
    assert (subject.decision, subject.note, subject.version, subject.seen) == (Decision.APPROVED, "dark", 2, SEEN)
    assert subject == again.subject(BOX)
    assert [event.op for _, event in again.events()] == [first, second]
    assert again.newest() == 2


def test_the_second_of_two_is_told_what_the_first_said(log: ReviewLog) -> None:
    take(log, verdict("approved", reviewer="Ada"))
    (refused,) = take(log, verdict("rejected", reviewer="Grace"))
    assert isinstance(refused, Refused)
    assert refused.current is not None
    assert (refused.current.decision, refused.current.reviewer, refused.current.version) == ("approved", "Ada", 1)
    (taken,) = take(log, verdict("rejected", 1, reviewer="Grace"))
    assert isinstance(taken, Taken)
    assert taken.version == 2
    assert len(log.events()) == 2


def test_of_one_batch_a_refused_operation_stops_no_other(log: ReviewLog) -> None:
    other = "c" * 32
    bird = operation("class", "bird", 1, box_id=other)
    outcomes = take(log, verdict(), verdict("rejected", 5), verdict(box_id=other), bird)
    assert [type(one) for one in outcomes] == [Taken, Refused, Taken, Taken]
    assert {one.subject_id: one.version for one in log.subjects()} == {BOX: 1, other: 2}


def test_what_follows_a_refused_operation_on_the_same_box_is_refused_with_it(log: ReviewLog) -> None:
    """Its base is the version that the refused one would have made, which is now that of somebody else's word."""
    take(log, verdict("approved", reviewer="Ada"))
    outcomes = take(log, verdict("rejected", 0, reviewer="Grace"), verdict("unsure", 1, reviewer="Grace"))
    assert [type(one) for one in outcomes] == [Refused, Refused]
    assert [event.op.reviewer for _, event in log.events()] == ["Ada"]


def test_the_same_operation_counts_once(log: ReviewLog) -> None:
    said = verdict()
    take(log, said)
    take(log, operation("class", "bird", 1))
    (again,) = take(log, said)
    assert isinstance(again, Taken)
    assert (again.again, again.version, again.subject.version) == (True, 1, 2)
    assert len(log.events()) == 2


def test_images_are_subjects_of_their_own(log: ReviewLog) -> None:
    take(log, operation("image_verdict", "rejected"), operation("note", "blurred", 1, box_id=None), verdict())
    image, box = sorted(log.subjects([IMAGE]), key=lambda one: not one.is_image)
    assert (image.is_image, image.decision, image.note, box.is_image) == (True, "rejected", "blurred", False)


def test_buckets_with_news_are_known_by_number(log: ReviewLog) -> None:
    take(log, verdict(bucket="a"), verdict(base=1, bucket="b"))
    take(log, verdict(base=2, bucket="a"))
    assert log.buckets_since(0) == {"a": 3, "b": 2}
    assert log.buckets_since(2) == {"a": 3}
    assert log.buckets_since(3) == {}


def test_many_images_are_asked_for_at_once(log: ReviewLog) -> None:
    names = [f"{number:032x}" for number in range(1200)]
    take(log, *(verdict(image_id=name, box_id=name) for name in names))
    assert {one.image_id for one in log.subjects(names)} == set(names)
    assert len(log.subjects(names[:7])) == 7


def test_the_state_is_the_sum_of_the_events(log: ReviewLog) -> None:
    from dlf_core.reviews.state import after

    take(log, verdict(), operation("geometry", corners(0.2), 1), operation("delete", True, 2))
    subject: Subject | None = None
    for _, event in log.events():
        subject = after(subject, event)
    assert subject == log.subject(BOX)


def test_a_file_that_is_no_log_is_a_sentence(log: ReviewLog) -> None:
    log.file.parent.mkdir()
    log.file.write_bytes(b"not a database, but long enough to be looked at as one " * 20)
    for ask in (log.subjects, log.newest, lambda: take(log, verdict())):
        with pytest.raises(StoreError, match=r"log\.sqlite3: cannot be (read|written): file is not a database"):
            ask()


def test_a_log_that_may_not_be_written_is_a_sentence_and_nothing_is_in_it(
    log: ReviewLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(log, verdict())
    real = sqlite3.connect

    def small(*words: object, **more: object) -> sqlite3.Connection:
        connection = real(*words, **more)  # type: ignore[call-overload]
        connection.execute("PRAGMA max_page_count = 1")
        return connection  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", small)
    long = [operation("note", "x" * 2000, n + 1) for n in range(50)]
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        take(log, *long)
    monkeypatch.undo()
    assert log.newest() == 1


def _write(file: Path, name: str, count: int) -> None:
    """Decide the same boxes as others do, and go on from what they said."""
    log = ReviewLog(file)
    for number in range(count):
        box_id = f"{number % 10:032x}"
        while True:
            current = log.subject(box_id)
            said = verdict(base=current.version if current else 0, box_id=box_id, reviewer=name)
            if isinstance(log.append([said], lambda _: None)[0], Taken):
                break


def test_two_processes_lose_nothing(log: ReviewLog) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(log.file, name, 60)) for name in ("Ada", "Grace")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    events = [event.op for _, event in log.events()]
    assert len(events) == 120
    for number in range(10):
        versions = [op.base_version for op in events if op.subject_id == f"{number:032x}"]
        assert versions == list(range(12))


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = ["tests"]
from review_operations import verdict
from dlf_resources.reviews.log import ReviewLog
log = ReviewLog(Path(sys.argv[1]))
base = log.newest()
while True:
    said = verdict(base=base)
    log.append([said], lambda _: None)
    print(said.op_id, flush=True)
    base += 1
"""


def test_what_was_answered_is_there_after_a_kill(log: ReviewLog) -> None:
    root = Path(__file__).resolve().parents[3]
    answered: list[UUID] = []
    for turn in range(3):
        command = [sys.executable, "-c", KILLED, str(log.file)]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        answered.append(UUID(process.stdout.readline().strip()))
        time.sleep(0.05 + 0.07 * turn)
        os.kill(process.pid, signal.SIGKILL)
        answered += [UUID(line) for line in process.stdout.read().splitlines() if len(line) == 36]
        process.wait()
    there = [event.op.op_id for _, event in log.events()]
    assert len(set(there)) == len(there)
    assert set(answered) <= set(there)
    assert len(there) <= len(answered) + 3  # taken, and killed before it was said
