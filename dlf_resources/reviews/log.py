"""The log of what people say of a project's boxes: one SQLite file, to which is only ever appended.

WAL and `synchronous=FULL`: what was answered as done survives a killed process and a power cut. Every write is one
transaction that begins with the write lock, so several processes may write at once; a row of `subjects` is the sum of
the events of a box or image, and can be made from them again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from dlf_core.errors import StoreError
from dlf_core.reviews.operations import ClassedBox, Event, Operation
from dlf_core.reviews.state import Subject, after, summed_up

LOG_KEY = "labels/reviews/log.sqlite3"
_WAIT_SECONDS = 30.0
_AT_ONCE = 500
"""Names in one question: SQLite takes 999 in old versions."""
_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    op_id TEXT NOT NULL UNIQUE,
    subject_id TEXT NOT NULL,
    image_id TEXT NOT NULL,
    bucket TEXT NOT NULL,
    version INTEGER NOT NULL,
    here INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_subject ON events (subject_id);
CREATE TABLE IF NOT EXISTS subjects (
    subject_id TEXT PRIMARY KEY,
    image_id TEXT NOT NULL,
    state BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subjects_image ON subjects (image_id);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """An operation that is in the log.

    Attributes:
        version: of its subject after it.
        again: it was there already.
    """

    op: Operation
    subject: Subject
    version: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that is not: somebody has said something since. `current` is what the subject is now."""

    op: Operation
    current: Subject | None


class ReviewLog:
    """A project's log.

    Args:
        file: is made at the first write.
    """

    def __init__(self, file: Path):
        self.file = file

    def append(
        self, said: Sequence[Operation], seen: Callable[[Operation], ClassedBox | None]
    ) -> list[Taken | Refused]:
        """Take operations in their order, all in one transaction.

        Args:
            said: one that is in the log already counts once; one whose base is not its subject's version is refused,
                and so is what follows on the same subject: it was said by somebody who saw the refused one taken.
            seen: the box of an operation as it was found.

        Raises:
            StoreError: the log cannot be written; then none of them is in it.
        """
        outcomes: list[Taken | Refused] = []
        refused: set[str] = set()
        with self._writing() as connection:
            for op in said:
                outcome = self._take(connection, op, seen, may=op.subject_id not in refused)
                if isinstance(outcome, Refused):
                    refused.add(op.subject_id)
                outcomes.append(outcome)
        return outcomes

    def _take(
        self,
        connection: sqlite3.Connection,
        op: Operation,
        seen: Callable[[Operation], ClassedBox | None],
        *,
        may: bool,
    ) -> Taken | Refused:
        before = _subject(connection, op.subject_id)
        row = connection.execute("SELECT version, subject_id FROM events WHERE op_id = ?", (str(op.op_id),)).fetchone()
        if row is not None:
            there = _subject(connection, row[1])
            assert there is not None
            return Taken(op, there, row[0], again=True)
        if not may or op.base_version != (before.version if before else 0):
            return Refused(op, before)
        event = Event(op=op, at=dt.datetime.now(dt.UTC), seen=None if before and before.seen else seen(op))
        subject = after(before, event)
        _write_event(connection, event, subject.version, here=True)
        _write_subject(connection, subject)
        return Taken(op, subject, subject.version)

    def absorb(self, events: Iterable[Event]) -> int:
        """Take events of another log, whatever version they were based on; how many were new.

        Logs are read in any order, so a subject that is touched is summed up anew, in the order of `Event.turn`: all
        machines come to the same.
        """
        new = 0
        touched: dict[str, None] = {}
        with self._writing() as connection:
            for event in events:
                subject_id = event.op.subject_id
                known = connection.execute("SELECT 1 FROM events WHERE op_id = ?", (str(event.op.op_id),)).fetchone()
                if known is None:
                    (others,) = connection.execute(
                        "SELECT count(*) FROM events WHERE subject_id = ?", (subject_id,)
                    ).fetchone()
                    _write_event(connection, event, int(others) + 1, here=False)
                    touched[subject_id] = None
                    new += 1
            for subject_id in touched:
                rows = connection.execute("SELECT body FROM events WHERE subject_id = ?", (subject_id,)).fetchall()
                _write_subject(connection, summed_up(Event.model_validate_json(body) for (body,) in rows))
        return new

    def subjects(self, image_ids: Collection[str] | None = None) -> list[Subject]:
        """What was said, of some images or of all."""
        with self._reading() as connection:
            if connection is None:
                return []
            if image_ids is None:
                rows = connection.execute("SELECT state FROM subjects").fetchall()
            else:
                rows = list(_of_images(connection, list(image_ids)))
        return [Subject.of(orjson.loads(state)) for (state,) in rows]

    def subject(self, subject_id: str) -> Subject | None:
        """What was said of one box or image."""
        with self._reading() as connection:
            return None if connection is None else _subject(connection, subject_id)

    def events(self, since: int = 0, *, here: bool = False, most: int = -1) -> list[tuple[int, Event]]:
        """Events after a number, each with its own.

        Args:
            since: the number of the last one that is known; 0: from the beginning.
            here: only those that were said here, not absorbed ones.
            most: at most so many.
        """
        with self._reading() as connection:
            if connection is None:
                return []
            only = "AND here = 1" if here else ""
            asked = f"SELECT seq, body FROM events WHERE seq > ? {only} ORDER BY seq LIMIT ?"  # noqa: S608  # of ours
            rows = connection.execute(asked, (since, most)).fetchall()
        return [(seq, Event.model_validate_json(body)) for seq, body in rows]

    def newest(self) -> int:
        """The number of the last event; 0: there is none."""
        with self._reading() as connection:
            if connection is None:
                return 0
            (newest,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        return int(newest)

    def buckets_since(self, since: int) -> dict[str, int]:
        """Bucket → number of its newest event after a number."""
        with self._reading() as connection:
            if connection is None:
                return {}
            asked = "SELECT bucket, max(seq) FROM events WHERE seq > ? GROUP BY bucket"
            return {bucket: int(seq) for bucket, seq in connection.execute(asked, (since,))}

    def fact(self, name: str) -> str | None:
        """A word the log remembers."""
        with self._reading() as connection:
            if connection is None:
                return None
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, name: str, value: str) -> None:
        """Let the log remember a word."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def name(self) -> str:
        """The log's own name, which no other log has."""
        if (name := self.fact("name")) is None:
            with self._writing() as connection:
                connection.execute("INSERT OR IGNORE INTO facts VALUES ('name', ?)", (uuid.uuid4().hex,))
                (name,) = connection.execute("SELECT value FROM facts WHERE name = 'name'").fetchone()
        return str(name)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(self._open()) as connection:
                if not _is_made(connection):
                    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # SQLite itself may have given it up
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error, "written") from None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.file.is_file():
            yield None
            return
        try:
            with contextlib.closing(self._open()) as connection:
                # The file is there a moment before its tables are.
                yield connection if _is_made(connection) else None
        except sqlite3.Error as error:
            raise self._unusable(error, "read") from None

    def _open(self) -> sqlite3.Connection:
        """SQLite waits for a lock by itself, but not where the mode is set while another process makes or closes it."""
        end = time.monotonic() + _WAIT_SECONDS
        while True:
            connection = sqlite3.connect(self.file, timeout=_WAIT_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
            except sqlite3.OperationalError as error:
                connection.close()
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.005)
            else:
                return connection

    def _unusable(self, error: Exception, action: str) -> StoreError:
        said = {"database or disk is full": "the disk is full; free some space"}.get(str(error), str(error))
        return StoreError(f"{self.file}: cannot be {action}: {said}.")


def _write_event(connection: sqlite3.Connection, event: Event, version: int, *, here: bool) -> None:
    op = event.op
    row = (str(op.op_id), op.subject_id, op.image_id, op.bucket, version, here, event.model_dump_json())
    connection.execute(
        "INSERT INTO events (op_id, subject_id, image_id, bucket, version, here, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        row,
    )


def _write_subject(connection: sqlite3.Connection, subject: Subject) -> None:
    row = (subject.subject_id, subject.image_id, orjson.dumps(subject.as_dict()))
    connection.execute("INSERT OR REPLACE INTO subjects VALUES (?, ?, ?)", row)


def _is_made(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there; they are made all at once."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events'").fetchone()
    return found is not None


def _subject(connection: sqlite3.Connection, subject_id: str) -> Subject | None:
    row = connection.execute("SELECT state FROM subjects WHERE subject_id = ?", (subject_id,)).fetchone()
    return None if row is None else Subject.of(orjson.loads(row[0]))


def _of_images(connection: sqlite3.Connection, image_ids: list[str]) -> Iterator[tuple[bytes]]:
    for begin in range(0, len(image_ids), _AT_ONCE):
        some = image_ids[begin : begin + _AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from connection.execute(f"SELECT state FROM subjects WHERE image_id IN ({marks})", some)  # noqa: S608
