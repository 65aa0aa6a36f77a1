"""Children that judge bytes: what they say, and what becomes of the work when they die."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from dlf_core.errors import ImageRejected, StoreError
from dlf_resources.images import Limits, inspect
from dlf_resources.intake import workers
from dlf_resources.intake.workers import Intake

Found = TypeVar("Found")
CHILDREN = str(Path(__file__).with_name("intake_children.py"))


def photo(shade: int = 80, size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).point(lambda value: (value + shade) % 256).save(buffer, "JPEG")
    return buffer.getvalue()


def with_intake(work: Callable[[Intake], Awaitable[Found]], *arguments: str, most: int = 1) -> Found:
    async def main() -> Found:
        async with Intake(Limits(), most, (CHILDREN, *arguments)).open() as intake:
            return await asyncio.wait_for(work(intake), 30)

    return asyncio.run(main())


def pids(intake: Intake) -> list[int]:
    return [child._process.pid for child in intake._children]


def test_an_image_lies_in_the_folder_and_everything_is_known_of_it(tmp_path):
    folder = tmp_path / "raw" / "positive" / "größe und mehr"
    content = photo()
    found = with_intake(lambda intake: intake.take_in(content, folder))
    facts = inspect(content, Limits())
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert (found.state, found.bytes, found.width, found.height, found.format) == ("kept", len(content), 64, 48, "JPEG")
    assert (found.phash, found.phash_mirrored) == (facts.fingerprint.phash, facts.fingerprint.phash_mirrored)
    assert found.fingerprint == facts.fingerprint.thumb
    assert [file.name for file in folder.iterdir()] == [f"{found.image_id}.jpg"] == [found.file]
    assert (folder / found.file).read_bytes() == content


def test_what_is_no_image_is_hashed_and_written_nowhere(tmp_path):
    found = with_intake(lambda intake: intake.take_in(b"<html>", tmp_path / "raw"))
    assert (found.state, found.file, found.bytes) == ("not_an_image", None, 6)
    assert found.sha256 == hashlib.sha256(b"<html>").hexdigest()
    assert "<html>" in (found.reason or "")
    assert not (tmp_path / "raw").exists()


def test_answers_belong_to_their_questions_however_many_are_asked_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ANOTHER_AFTER", 2)
    contents = [photo(shade, (40 + shade, 40)) for shade in range(60)]

    async def work(intake: Intake) -> None:
        found = await asyncio.gather(*(intake.take_in(content, tmp_path) for content in contents))
        assert [one.width for one in found] == [40 + shade for shade in range(60)]
        assert len(set(pids(intake))) == 3

    with_intake(work, most=3)
    assert len(list(tmp_path.iterdir())) == 60


def test_no_child_starts_without_work_and_a_second_only_for_much(tmp_path):
    async def work(intake: Intake) -> None:
        assert pids(intake) == []
        await asyncio.gather(*(intake.take_in(photo(shade), tmp_path) for shade in range(20)))
        assert len(pids(intake)) == 1

    with_intake(work, most=4)


def test_children_end_with_the_block(tmp_path):
    async def work(intake: Intake) -> list[int]:
        await intake.take_in(photo(), tmp_path)
        return pids(intake)

    (pid,) = with_intake(work)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_at_work_is_not_waited_for_when_all_is_over(tmp_path):
    async def work(intake: Intake) -> int:
        asking = asyncio.ensure_future(intake.take_in(b"sleep 60", tmp_path))
        while not pids(intake):
            await asyncio.sleep(0.01)
        asking.cancel()
        return pids(intake)[0]

    pid = with_intake(work)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT"])
def test_an_image_that_crashes_the_decoder_costs_its_own_row_only(tmp_path, name):
    async def work(intake: Intake) -> list[object]:
        contents = [photo(1), f"signal {name}".encode(), photo(2), photo(3)]
        return await asyncio.gather(*(intake.take_in(c, tmp_path) for c in contents), return_exceptions=True)

    first, crashed, *others = with_intake(work)
    assert isinstance(crashed, ImageRejected)
    assert (crashed.state, crashed.reason) == ("corrupt", f"the decoder crashes on it ({name})")
    assert [one.state for one in (first, *others)] == ["kept"] * 3
    assert len(list(tmp_path.iterdir())) == 3


def test_a_child_that_was_killed_once_is_replaced_and_its_work_done(tmp_path):
    flag = tmp_path / "flag"
    found = with_intake(lambda intake: intake.take_in(f"once {flag}".encode(), tmp_path / "raw"))
    assert flag.exists()
    assert found.state == "not_an_image"


def test_an_image_over_which_children_are_killed_is_asked_again_next_time(tmp_path):
    with pytest.raises(ImageRejected, match="killed, twice") as rejected:
        with_intake(lambda intake: intake.take_in(b"signal SIGKILL", tmp_path))
    assert rejected.value.state == "unreadable"


def test_children_that_do_not_come_up_end_the_run_with_a_sentence(tmp_path):
    with pytest.raises(StoreError, match="ended with exit code 3; what it said is above"):
        with_intake(lambda intake: intake.take_in(photo(), tmp_path), "broken")


def test_a_folder_that_cannot_be_written_is_told_as_the_store_tells_it(tmp_path):
    (tmp_path / "raw").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write .*choose a writable data_root"):
        with_intake(lambda intake: intake.take_in(photo(), tmp_path / "raw"))


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [(b"error", RuntimeError, "LookupError: nobody foresaw this"), (b"memory", MemoryError, "more memory")],
)
def test_what_goes_wrong_in_a_child_goes_wrong_here_and_the_child_goes_on(tmp_path, content, kind, said):
    async def work(intake: Intake) -> None:
        with pytest.raises(kind, match=said):
            await intake.take_in(content, tmp_path)
        before = pids(intake)
        assert (await intake.take_in(photo(), tmp_path)).state == "kept"
        assert pids(intake) == before

    with_intake(work)


def test_ctrl_c_in_the_terminal_is_for_the_parent(tmp_path):
    async def work(intake: Intake) -> None:
        await intake.take_in(photo(1), tmp_path)
        os.kill(pids(intake)[0], signal.SIGINT)
        assert (await intake.take_in(photo(2), tmp_path)).state == "kept"
        assert len(pids(intake)) == 1

    with_intake(work)


PARENT = """
import asyncio, os, signal, sys
from pathlib import Path
from dlf_resources.images import Limits
from dlf_resources.intake.workers import Intake

async def main():
    async with Intake(Limits(), 1).open() as intake:
        await intake.take_in(b"no image", Path(sys.argv[1]))
        print(intake._children[0]._process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def has_ended(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():  # nobody may collect it
        return ") Z " in stat.read_text()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_ends_when_its_parent_is_killed(tmp_path):
    done = subprocess.run([sys.executable, "-c", PARENT, tmp_path], capture_output=True, check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    patience = time.monotonic() + 10
    while not has_ended(int(done.stdout)):
        assert time.monotonic() < patience
        time.sleep(0.02)
