"""One run folder: files written whole, and views put together from the parts of many writers."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlf_core.errors import StoreError
from dlf_core.views import Rows, together
from dlf_resources.experiments import Experiments, RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    started = dt.datetime(2026, 3, 4, 12, 5, 6)
    experiments = Experiments(tmp_path / "experiments")
    return experiments.open(name="tiny", owner="run-1", started=started, config={}, readme="# tiny\n")


def test_merge_replaces_the_part_of_its_partition_and_keeps_the_others_in_order(run: RunFolder) -> None:
    for partition, value in (("b", 1), ("a", 2), ("b", 3)):
        file = run.merge("gather/stats.json", partition, {"value": value}, lambda parts: {"parts": parts})
    assert json.loads(file.read_bytes()) == {"parts": [{"value": 2}, {"value": 3}]}
    assert file == run.path / "gather" / "stats.json"
    assert run.files() == ["README.md", "config.json", "gather/stats.json"]


MERGE = """
import sys
from pathlib import Path
from dlf_resources.experiments import RunFolder

for number in range(6):
    name = f"{sys.argv[2]}-{number}"
    RunFolder(Path(sys.argv[1])).merge("view.json", name, {"name": name}, lambda parts: parts)
    RunFolder(Path(sys.argv[1])).add_run(name)
"""


def test_processes_and_threads_that_merge_at_once_lose_nothing(run: RunFolder) -> None:
    root = Path(__file__).resolve().parents[2]
    commands = [[sys.executable, "-c", MERGE, str(run.path), f"process{number}"] for number in range(3)]
    processes = [subprocess.Popen(command, cwd=root) for command in commands]

    def merge(thread: int) -> None:
        for number in range(6):
            name = f"thread{thread}-{number}"
            run.merge("view.json", name, {"name": name}, lambda parts: parts)
            run.add_run(name)

    threads = [threading.Thread(target=merge, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    expected = sorted(
        f"{kind}{number}-{part}" for kind in ("process", "thread") for number in range(3) for part in range(6)
    )
    assert [part["name"] for part in json.loads((run.path / "view.json").read_bytes())] == expected
    assert sorted(run.config()["run_ids"]) == expected
    assert run.config()["owner"] == "run-1"


def test_a_slow_writer_does_not_overwrite_the_view_of_a_faster_one(run: RunFolder) -> None:
    """The first has read the parts and is slow to assemble them; the second comes in between."""
    assembling, second_done = threading.Event(), threading.Event()

    def slowly(parts: list[dict[str, object]]) -> object:
        assembling.set()
        second_done.wait(0.3)  # under the lock the second cannot end before the first has
        return parts

    def second() -> None:
        assert assembling.wait(5)
        run.merge("view.json", "b", {"name": "second"}, lambda parts: parts)
        second_done.set()

    thread = threading.Thread(target=second)
    thread.start()
    run.merge("view.json", "a", {"name": "first"}, slowly)
    thread.join()
    assert json.loads((run.path / "view.json").read_bytes()) == [{"name": "first"}, {"name": "second"}]


def test_long_lists_of_the_parts_stand_in_the_view_one_after_the_other(run: RunFolder) -> None:
    def part(bucket: str, count: int) -> dict[str, object]:
        return {"bucket": bucket, "rows": Rows(lambda: iter([{"n": number, "of": bucket} for number in range(count)]))}

    def whole(parts: list[dict[str, object]]) -> dict[str, object]:
        return {"buckets": [found["bucket"] for found in parts], "rows": together(parts, "rows")}

    for bucket, count in (("c", 0), ("b", 700), ("a", 3), ("b", 600)):
        file = run.merge("view.json", bucket, part(bucket, count), whole)
    read = json.loads(file.read_bytes())
    assert read["buckets"] == ["a", "b", "c"]
    assert [(row["of"], row["n"]) for row in read["rows"]] == [("a", n) for n in range(3)] + [
        ("b", n) for n in range(600)
    ]


def test_a_part_whose_rows_fail_leaves_part_and_view_as_they_were(run: RunFolder) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more rows")

    def whole(parts: list[dict[str, object]]) -> dict[str, object]:
        return {"rows": together(parts, "rows")}

    file = run.merge("view.json", "a", {"rows": Rows(lambda: iter([7, 8]))}, whole)
    with pytest.raises(ValueError, match="no more rows"):
        run.merge("view.json", "a", {"rows": Rows(broken)}, whole)
    assert json.loads(file.read_bytes()) == {"rows": [7, 8]}
    assert [path.name for path in run.path.rglob("*.tmp-*")] == []
    run.merge("view.json", "b", {"rows": Rows(lambda: iter([9]))}, whole)
    assert json.loads(file.read_bytes()) == {"rows": [7, 8, 9]}


def test_a_run_is_noted_once(run: RunFolder) -> None:
    for run_id in ("a", "b", "a"):
        run.add_run(run_id)
    assert run.config()["run_ids"] == ["a", "b"]


@pytest.mark.parametrize("content", [None, b"", b"{half"])
def test_a_missing_or_damaged_config_is_empty(run: RunFolder, content: bytes | None) -> None:
    (run.path / "config.json").unlink()
    if content is not None:
        (run.path / "config.json").write_bytes(content)
    assert run.config() == {}


def test_a_file_is_written_whole_without_leftovers(run: RunFolder) -> None:
    run.write("sub/sheet.webp", b"old")
    run.write("sub/sheet.webp", b"new")
    assert [path.name for path in (run.path / "sub").iterdir()] == ["sheet.webp"]
    assert (run.path / "sub" / "sheet.webp").read_bytes() == b"new"


@pytest.mark.parametrize("call", ["write", "merge", "add_run"])
def test_a_run_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path, call: str) -> None:
    (tmp_path / "file").write_bytes(b"a file")
    run = RunFolder(tmp_path / "file" / "run")
    calls = {
        "write": lambda: run.write("a.txt", b"x"),
        "merge": lambda: run.merge("a.json", "p", {}, lambda parts: parts),
        "add_run": lambda: run.add_run("a"),
    }
    with pytest.raises(StoreError, match="set DLF_HOME elsewhere"):
        calls[call]()
