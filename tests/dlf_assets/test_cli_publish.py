"""`dlf publish`: what it asks, refuses and puts on the Hub."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from finished_projects import Finished, box, image_id, picture
from hub.card import Card, checked
from hub.client import environment, point_at
from hub.listener import refusal
from hub.server import TOKEN, Hub
from PIL import Image
from workspaces import TestWorkspace

from dlf_core.project import Project

PEOPLE = "maker/people"
FILES = [
    *("ATTRIBUTION.md", "README.md", "data/train-00000-of-00001.parquet", "data/val-00000-of-00001.parquet"),
    *("plots/box_sizes.png", "plots/classes.png"),
]
COMMAND = [sys.executable, "-m", "dlf_assets.cli.main", "publish", "--project", "p", "--to", PEOPLE]
SPLITS = "{train: 0.5, val: 0.5}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(organizations=["factory"]) as made:
        yield made


@pytest.fixture
def project(workspace: TestWorkspace, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """A project that has not run, and the token of a user who may write."""
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    point_at(hub, tmp_path / "home", monkeypatch, by_xet=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    folders = {"positive/x": tmp_path / "photos"}
    return Project.load(workspace.write_project("p", folders, splits=SPLITS, falcon_queries="[person, zebra]"))


@pytest.fixture
def finished(project: Project) -> Finished:
    """Two images with three boxes, of which people have seen two, and a negative; two splits."""
    stages = Finished(project)
    approved = box("b1", decision="approved", reviewer="Reviewer Rita")
    stages.image(1, approved, box("b2", "zebra"), phash="0" * 16, url="file:///home/rita/secret/1.jpg")
    stages.image(2, box("b3", decision="approved", reviewer="Reviewer Rita"), phash="f" * 16)
    stages.image(3, phash="0f" * 8)
    stages.write()
    return stages


@pytest.fixture
def dlf(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


@pytest.fixture
def publish(finished: Finished, dlf: Commands) -> Any:
    return lambda *words, to=PEOPLE: dlf("publish", "--project", "p", "--to", to, *words)


def written(hub: Hub) -> bool:
    return any(request.method != "GET" for request in [*hub.requests, *hub.storage.requests])


def test_a_dry_run_lists_the_files_and_writes_nothing_there(publish: Any, hub: Hub) -> None:
    shown = publish("--dry-run")
    rows = [line.split() for line in shown.out.splitlines()[1:7]]
    assert [(row[0], row[-1]) for row in rows] == [(name, "new") for name in FILES]
    assert "maker/people will be made, public; 6 of 6 files to change\nnothing was written\n" in shown.out
    told = publish("--dry-run", "--private", "--json").json()
    assert [file["path"] for file in told["files"]] == FILES
    assert (told["repo"], told["published"], told["address"]) == (PEOPLE, False, None)
    assert not written(hub)
    assert hub.repos == {}


def test_what_is_published_is_told_and_the_second_time_nothing_is_done(publish: Any, hub: Hub) -> None:
    first = publish("--yes").out
    [commit] = hub.commits(PEOPLE)
    assert f"published: {hub.url}/datasets/{PEOPLE}/commit/{commit.oid}\n" in first
    assert commit.summary.startswith("3 images, 3 boxes; data set ")
    assert list(hub.files(PEOPLE)) == FILES
    assert not hub.repos[PEOPLE].private
    assert "nothing to do: the Hub has this data set already\n" in publish("--yes").out
    again = publish("--yes", "--json").json()
    assert {file["change"] for file in again["files"]} == {"unchanged"}
    assert again["published"] is False
    assert len(hub.commits(PEOPLE)) == 1


def test_what_has_changed_since_is_published_in_a_commit_of_its_own(publish: Any, hub: Hub) -> None:
    publish("--yes")
    told = publish("--yes", "--only-approved", "--json").json()
    assert told["published"] is True
    assert told["address"].endswith(hub.commits(PEOPLE)[-1].oid)
    changes = {file["path"]: file["change"] for file in told["files"]}
    assert changes["README.md"] == "changed"
    assert changes["ATTRIBUTION.md"] == "unchanged"
    assert {changes[name] for name in FILES[2:4]} >= {"changed"}
    assert len(hub.commits(PEOPLE)) == 2


def test_where_nobody_confirms_nothing_is_published(publish: Any, hub: Hub) -> None:
    for words in ((), ("--json",)):
        done = publish(*words)
        assert done.code == 1
        assert "nobody is there to confirm; publish with --yes, or look with --dry-run." in done.err
        assert not (words and done.out)
    assert not written(hub)


@pytest.mark.parametrize(("typed", "published"), [(f"{PEOPLE}\n", True), ("maker/peopel\n", False), ("\x03", False)])
def test_at_a_terminal_the_name_must_be_typed(
    finished: Finished, hub: Hub, tmp_path: Path, typed: str, published: bool
) -> None:
    env = os.environ | environment(hub, tmp_path / "home") | {"HF_TOKEN": TOKEN}
    code, said = at_a_terminal(COMMAND, env, f"Type {PEOPLE} to publish it", typed)
    assert (code == 0) is published, said
    assert "Traceback" not in said
    assert (PEOPLE in hub.repos) is published
    assert ("not published: that is another name." in said) is typed.startswith("maker/peopel")


def at_a_terminal(command: list[str], env: dict[str, str], asked: str, typed: str) -> tuple[int, str]:
    """The command at a terminal of its own, where something is typed when it asks; its exit status and the screen."""
    ours, theirs = pty.openpty()
    chosen = partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0)  # the terminal that sends Ctrl-C
    run = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True, preexec_fn=chosen
    )
    os.close(theirs)
    screen, until = b"", time.monotonic() + 30
    with contextlib.suppress(OSError):  # the other side is closed
        while time.monotonic() < until:
            came = os.read(ours, 4096) if select.select([ours], [], [], 0.5)[0] else b""
            first = asked.encode() not in screen
            screen += came
            # A Ctrl-C that came before Python listens is lost, and another one is pressed.
            if asked.encode() in screen and (first or (typed == "\x03" and not came)):
                os.write(ours, typed.encode())
    if time.monotonic() >= until:
        run.kill()
    os.close(ours)
    return run.wait(10), screen.decode()


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ({"license": None, "author": None}, "1 image of unknown rights"),
        ({"license": "CC BY-NC 4.0"}, "1 image for non-commercial use only"),
        ({"license": "CC BY 4.0", "author": None}, "1 image whose author must be named"),
    ],
)
def test_what_may_not_be_passed_on_is_refused_unless_it_is_allowed(
    publish: Any, hub: Hub, finished: Finished, rights: dict[str, str | None], said: str
) -> None:
    finished.image(4, phash="00ff" * 4, **rights).write()
    for words in (("--yes",), ("--dry-run",)):
        done = publish(*words)
        assert done.code == 1
        assert f"not published: {said}" in done.err
        assert "--allow-unknown-rights" in done.err
    assert hub.requests == []
    assert publish("--yes", "--allow-unknown-rights").code == 0
    assert said in hub.files(PEOPLE)["README.md"].decode()
    assert said in hub.files(PEOPLE)["ATTRIBUTION.md"].decode()


def test_a_private_data_set_stays_private_and_a_public_one_does_not_become_it(publish: Any, hub: Hub) -> None:
    assert "will be made, private" in publish("--yes", "--private", to="factory/people").out
    assert hub.repos["factory/people"].private
    hub.repos["factory/people"].private = False
    done = publish("--yes", "--private", to="factory/people")
    assert done.code == 1
    assert "factory/people is there and public; make it private on the Hub, or publish without --private." in done.err
    hub.add("maker/closed", {}, private=True)
    assert "is there, private" in publish("--yes", to="maker/closed").out
    assert hub.repos["maker/closed"].private


def test_only_approved_boxes_are_published_when_that_is_asked(publish: Any, hub: Hub) -> None:
    publish("--yes", "--only-approved")
    card = hub.files(PEOPLE)["README.md"].decode()
    assert "Boxes a person has decided: 2 of 2 (100.0%) (1 reviewer)." in card
    assert "| 0 | person | 2 |\n| 1 | zebra | 0 |" in card


@pytest.mark.parametrize(
    ("to", "token", "said"),
    [
        ("people", TOKEN, "'people' is no name of a repository"),
        (PEOPLE, None, "there is no token for the Hub; set HF_TOKEN or run `hf auth login`."),
        (PEOPLE, "hf_bad token", "HF_TOKEN holds signs that no token has"),
        (PEOPLE, "hf_old", "HF_TOKEN is not valid (any more)"),
        ("somebody/people", TOKEN, "HF_TOKEN may not do that"),
    ],
)
def test_mistakes_are_one_sentence(
    publish: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch, to: str, token: str | None, said: str
) -> None:
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    done = publish("--yes", to=to)
    assert done.code == 1
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert hub.repos == {}


def test_a_project_that_has_not_run_has_nothing_to_publish(project: Project, hub: Hub, dlf: Commands) -> None:
    done = dlf("publish", "-p", "p", "--to", PEOPLE, "--yes")
    assert (done.code, hub.requests) == (1, [])
    assert "project 'p' has nothing to publish; run `dlf pipeline` first." in done.err


def test_what_is_published_can_be_loaded_with_its_classes_and_pictures(publish: Any, hub: Hub, tmp_path: Path) -> None:
    publish("--yes")
    for name, content in hub.files(PEOPLE).items():
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / name).write_bytes(content)
    import datasets

    card = Card.of(hub.files(PEOPLE)["README.md"].decode()).metadata
    [config] = card["configs"]
    told = {one["split"]: str(tmp_path / "there" / one["path"]) for one in config["data_files"]}
    assert list(told) == ["train", "validation"]
    by_files = datasets.load_dataset("parquet", data_files=told, cache_dir=str(tmp_path / "cache"))
    by_card = datasets.load_dataset(str(tmp_path / "there"), cache_dir=str(tmp_path / "cache2"))
    for found in (by_files, by_card):
        assert list(found) == ["train", "validation"]
        rows = {row["image_id"]: row for split in found.values() for row in split}
        assert sorted(rows) == [image_id(number) for number in (1, 2, 3)]
        category = found["train"].features["objects"]["category"].feature
        assert (type(category).__name__, category.names) == ("ClassLabel", ["person", "zebra"])
        first = rows[image_id(1)]
        assert [category.int2str(number) for number in first["objects"]["category"]] == ["person", "zebra"]
        assert first["objects"]["bbox"][0] == pytest.approx([9.6, 12.8, 38.4, 38.4], abs=1e-3)
        assert first["image"].tobytes() == Image.open(io.BytesIO(picture(1))).tobytes()
        assert rows[image_id(3)]["objects"]["category"] == []


def test_the_card_there_is_whole_and_nothing_of_this_machine_is_published(
    publish: Any, hub: Hub, workspace: TestWorkspace
) -> None:
    publish("--yes")
    files = hub.files(PEOPLE)
    card = files["README.md"].decode()
    assert checked(card) == ([], [])
    assert "2 of 3 (66.7%) (1 reviewer)" in card
    for secret in ("Reviewer Rita", "/home/rita", str(workspace.root), TOKEN):
        assert not [name for name, content in files.items() if secret.encode() in content]


@pytest.mark.parametrize("by_xet", [True, False], ids=["xet", "lfs"])
def test_no_token_is_printed_or_written_anywhere(
    finished: Finished, hub: Hub, tmp_path: Path, publish: Any, by_xet: bool
) -> None:
    env = os.environ | environment(hub, tmp_path / "home", by_xet=by_xet) | {"HF_TOKEN": TOKEN}
    words = ["--yes", "--json"] if by_xet else ["--yes"]
    done = subprocess.run([*COMMAND, *words], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    hub.refuse(f"/api/datasets/{PEOPLE}/commit/main", refusal(403, f"Bearer {TOKEN} may not"), times=100)
    refused = publish("--yes", "--only-approved")
    assert "HF_TOKEN may not do that" in refused.err
    assert TOKEN not in done.stdout + refused.out + refused.err
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 10
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []
    assert hub.tokens_seen() - {f"Bearer xet:{PEOPLE}"} == {f"Bearer {TOKEN}"}
