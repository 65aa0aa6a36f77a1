"""Pictures, several at a time: in order, not too many in memory, and no further after an error."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from dlf_core.formats.picture_files import place_all, read_all

NAMES = [(f"{number:02}", f"{number:02}.jpg") for number in range(40)]


class Slow:
    """Pictures that take their time, the first ones most of it."""

    def __init__(self, at_once: int, broken: str | None = None) -> None:
        self.at_once = at_once
        self.broken = broken
        self.asked: list[str] = []
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def read(self, image_id: str, file_name: str) -> bytes:
        with self._lock:
            self.asked.append(image_id)
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.002 * (1 + int(image_id) % 4))
        with self._lock:
            self._now -= 1
        if image_id == self.broken:
            raise ValueError(image_id)
        return file_name.encode()

    def place(self, image_id: str, target: Path) -> None:
        target.write_bytes(self.read(image_id, target.name))


@pytest.mark.parametrize("at_once", [1, 5])
def test_pictures_come_in_order_and_as_many_at_a_time_as_they_say(at_once: int) -> None:
    pictures = Slow(at_once)
    assert list(read_all(pictures, NAMES)) == [name.encode() for _, name in NAMES]
    assert pictures.most == at_once


def test_no_more_are_read_than_are_taken() -> None:
    pictures = Slow(5)
    turns = read_all(pictures, NAMES)
    assert [next(turns) for _ in range(3)] == [b"00.jpg", b"01.jpg", b"02.jpg"]
    time.sleep(0.1)
    assert len(pictures.asked) <= 3 + 5


@pytest.mark.parametrize("at_once", [1, 5])
def test_one_that_cannot_be_read_ends_it(at_once: int) -> None:
    pictures = Slow(at_once, broken="07")
    turns = read_all(pictures, NAMES)
    assert len([next(turns) for _ in range(7)]) == 7
    with pytest.raises(ValueError, match="07"):
        next(turns)
    assert len(pictures.asked) <= 8 + at_once


def test_all_files_are_put_where_they_belong(tmp_path: Path) -> None:
    place_all(Slow(5), ((image_id, tmp_path / name) for image_id, name in NAMES))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {name: name.encode() for _, name in NAMES}
