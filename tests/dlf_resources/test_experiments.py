"""Run folders: their names, who shares one, the link to the latest, and views put together by many writers."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest

from dlf_core.errors import FactoryError, StoreError
from dlf_resources.experiments import Experiments, RunFolder

NOON = dt.datetime(2026, 3, 4, 12, 5, 6)


@pytest.fixture
def experiments(tmp_path: Path) -> Experiments:
    return Experiments(tmp_path / "experiments")


def opened(
    experiments: Experiments, name: str = "tiny", owner: str = "run-1", started: dt.datetime = NOON
) -> RunFolder:
    return experiments.open(name=name, owner=owner, started=started, config={"project": name}, readme=f"# {name}\n")


def test_a_run_folder_is_named_by_time_and_project_and_says_what_it_is(experiments: Experiments) -> None:
    run = opened(experiments)
    assert run.path == experiments.folder / "2026-03-04_120506_tiny"
    assert run.config() == {"owner": "run-1", "project": "tiny"}
    assert run.files() == ["README.md", "config.json"]
    assert (run.path / "README.md").read_text() == "# tiny\n"


@pytest.mark.parametrize(
    ("name", "safe"),
    [("größe 照片", "größe-照片"), ("a/../b", "a-..-b"), ("..", "run"), ("a\u00a0b\n", "a-b"), ("", "run")],
)
def test_any_name_becomes_one_folder_name(experiments: Experiments, name: str, safe: str) -> None:
    assert opened(experiments, name).path == experiments.folder / f"2026-03-04_120506_{safe}"


def test_the_same_owner_gets_the_same_folder(experiments: Experiments) -> None:
    first = opened(experiments)
    first.write("kept.txt", b"x")
    assert opened(experiments) == first
    assert first.files() == ["README.md", "config.json", "kept.txt"]
    assert len(experiments.all()) == 1


def test_another_owner_in_the_same_second_gets_a_number(experiments: Experiments) -> None:
    paths = [opened(experiments, owner=f"run-{number}").path.name for number in range(4)]
    assert paths == [f"2026-03-04_120506_tiny{end}" for end in ("", "-2", "-3", "-4")]
    assert opened(experiments, owner="run-2").path.name == "2026-03-04_120506_tiny-3"


def test_owners_at_the_same_moment_get_a_folder_each(experiments: Experiments) -> None:
    together = threading.Barrier(8)
    found: list[RunFolder] = []

    def work(number: int) -> None:
        together.wait(5)
        found.append(opened(experiments, owner=f"run-{number % 4}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.path for run in found}) == 4
    assert {run.config()["owner"] for run in experiments.all()} == {f"run-{number}" for number in range(4)}


def test_latest_is_a_relative_link_to_the_newest_folder(experiments: Experiments) -> None:
    opened(experiments)
    second = opened(experiments, owner="run-2", started=NOON + dt.timedelta(hours=1))
    link = experiments.folder / "latest"
    assert link.is_symlink()
    assert str(link.readlink()) == "2026-03-04_130506_tiny"
    assert experiments.find("latest").path == second.path.resolve()


def test_all_lists_run_folders_newest_first_and_nothing_else(experiments: Experiments) -> None:
    assert experiments.all() == []
    times = [NOON + dt.timedelta(days=days) for days in (1, 0, 2)]
    for number, started in enumerate(times):
        opened(experiments, owner=str(number), started=started)
    (experiments.folder / "notes").mkdir()
    (experiments.folder / "2026-03-09_000000_file").write_bytes(b"x")
    names = [run.path.name[:10] for run in experiments.all()]
    assert names == ["2026-03-06", "2026-03-05", "2026-03-04"]


def test_find_takes_a_full_name_a_short_name_or_latest(experiments: Experiments) -> None:
    old = opened(experiments)
    new = opened(experiments, owner="b", started=NOON + dt.timedelta(days=1))
    other = opened(experiments, "other", started=NOON - dt.timedelta(days=1))
    assert experiments.find("2026-03-04_120506_tiny") == old
    assert experiments.find("tiny") == new
    assert experiments.find("other") == other
    assert experiments.find("latest").path == other.path.resolve()  # made last, whatever its date


def test_latest_without_its_link_is_the_newest(experiments: Experiments) -> None:
    opened(experiments)
    new = opened(experiments, owner="b", started=NOON + dt.timedelta(days=1))
    (experiments.folder / "latest").unlink()
    assert experiments.find("latest") == new
    (experiments.folder / "latest").symlink_to("deleted")
    assert experiments.find("latest") == new


@pytest.mark.parametrize("name", ["latest", "nothing", "", "2026-03-04_120506_"])
def test_a_run_that_is_not_there_is_told_with_the_command_that_lists(experiments: Experiments, name: str) -> None:
    with pytest.raises(FactoryError, match=f"no run '{name}' in .*; `dlf list` shows the runs"):
        experiments.find(name)


def test_a_folder_that_cannot_be_made_is_a_store_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "experiments").write_bytes(b"a file")
    with pytest.raises(StoreError, match=r"cannot make a run folder: .*; set DLF_HOME elsewhere"):
        opened(Experiments(tmp_path / "experiments"))
