"""`dlf store` as a user types it: what it prints, what it copies, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Commands, Done
from object_store.corner import Corner, image_key
from workspaces import TestWorkspace

from dlf_resources.stores.local import LocalStore

pytest_plugins = ["object_store.fixtures"]

PICTURES = [b"picture %d" % number * 200_000 for number in range(4)]
IMAGES = [image_key(picture) for picture in PICTURES]
NAMES = ("R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET", "DLF_STORE")


Dlf = Callable[..., Done]


@pytest.fixture
def dlf(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dlf:
    """The command, in this process. Keywords are variables of its environment."""
    monkeypatch.chdir(workspace.root)
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, **environment: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            return Commands(patch, capsys)(*words)

    return run


@pytest.fixture
def bucket(corner: Corner) -> dict[str, str]:
    """The environment that leads to the corner's bucket."""
    server = corner.server
    told = (server.endpoint_url, server.access_key, server.secret_key, corner.bucket)
    return dict(zip(NAMES, told, strict=False))


@pytest.fixture
def disk(workspace: TestWorkspace, corner: Corner) -> LocalStore:
    """Four images and two tables of the project `p`, on disk."""
    write_project(workspace, corner)
    store = LocalStore(workspace.data("p"))
    for key, picture in zip(IMAGES, PICTURES, strict=True):
        store.put(key, picture)
    store.put("labels/splits.json", b"{}")
    store.put("labels/reviews.json", b"[]")
    return store


def write_project(workspace: TestWorkspace, corner: Corner, **more: str) -> None:
    prefixes = f"{{raw_prefix: {corner.prefix}raw, labels_prefix: {corner.prefix}labels}}"
    workspace.write_project("p", {"positive/x": "photos"}, **({"r2": prefixes, "store": "local"} | more))


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("command", ["status", "push", "pull", "verify"])
def test_every_command_has_help_with_an_example(dlf: Dlf, command: str) -> None:
    assert command in dlf("store", "--help").out
    said = dlf("store", command, "--help")
    assert said.code == 0
    assert f"dlf store {command} --project drones" in said.out
    assert "--json" in said.out
    assert ("--dry-run" in said.out) == (command in ("push", "pull"))


def test_status_counts_what_lies_where(dlf: Dlf, bucket: dict[str, str], disk: LocalStore, corner: Corner) -> None:
    remote = corner.store(project="p", reviews_key="labels/reviews.json")
    remote.put(IMAGES[0], PICTURES[0])
    remote.put("labels/splits.json", b"[]")
    remote.put("raw/positive/x/only.jpg", b"12345")
    told = dlf("store", "status", "-p", "p", "--json", **bucket).json()
    rest = sum(map(len, PICTURES[1:])) + len(b"[]")
    assert told == {
        "store": "local",
        "root": str(disk.root),
        "bucket": f"r2://{corner.bucket}/",
        "both": {"files": 1, "bytes": len(PICTURES[0])},
        "disk": {"files": 4, "bytes": rest},
        "r2": {"files": 1, "bytes": 5},
        "differs": {"files": 1, "bytes": 2},
    }
    shown = dlf("store", "status", "-p", "p", **bucket)
    assert shown.code == 0
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["disk", str(disk.root)] in lines
    assert ["only", "on", "disk", "4", "files", "5.4", "MB"] in lines
    assert ["equal", "on", "both", "sides", "1", "files", "1.8", "MB"] in lines


def test_a_push_and_a_pull_make_both_sides_equal(
    dlf: Dlf, bucket: dict[str, str], disk: LocalStore, corner: Corner, tmp_path: Path
) -> None:
    planned = dlf("store", "push", "-p", "p", "--dry-run", **bucket)
    assert planned.code == 0
    assert all(f"{key} (disk)" in planned.out for key in [*IMAGES, "labels/splits.json"])
    assert planned.out.endswith("would upload 6 files, 7.2 MB\n")
    assert corner.objects() == {}
    assert dlf("store", "push", "-p", "p", **bucket).out == "uploaded 6 files, 7.2 MB\n"
    assert len(corner.objects()) == 7
    elsewhere = bucket | {"DLF_DATA_ROOT": str(tmp_path / "elsewhere")}
    planned = dlf("store", "pull", "-p", "p", "--dry-run", **elsewhere)
    assert planned.out.endswith("would download 6 files, 7.2 MB\n")
    assert not (tmp_path / "elsewhere").exists()
    assert dlf("store", "pull", "-p", "p", **elsewhere).out == "downloaded 6 files, 7.2 MB\n"
    assert everything(tmp_path / "elsewhere" / "p") == everything(disk.root)
    for words in (("push",), ("pull",)):
        assert "nothing to" in dlf("store", *words, "-p", "p", **bucket).out


def test_with_json_a_copy_says_which_keys_and_whether_it_is_done(
    dlf: Dlf, bucket: dict[str, str], disk: LocalStore, tmp_path: Path
) -> None:
    keys = sorted([*IMAGES, "labels/splits.json", "labels/reviews.json"])
    size = sum(map(len, PICTURES)) + 4
    for command, where in (("push", bucket), ("pull", bucket | {"DLF_DATA_ROOT": str(tmp_path / "elsewhere")})):
        planned = dlf("store", command, "-p", "p", "--dry-run", "--json", **where)
        assert planned.json() == {"done": False, "keys": keys, "bytes": size}
        assert dlf("store", command, "-p", "p", "--json", **where).json() == {"done": True, "keys": keys, "bytes": size}
        assert dlf("store", command, "-p", "p", "--json", **where).json() == {"done": True, "keys": [], "bytes": 0}


@pytest.mark.usefixtures("disk")
def test_a_push_without_anything_to_upload_does_not_call_the_sides_equal(
    dlf: Dlf, bucket: dict[str, str], tmp_path: Path
) -> None:
    dlf("store", "push", "-p", "p", **bucket)
    empty = bucket | {"DLF_DATA_ROOT": str(tmp_path / "elsewhere")}
    said = dlf("store", "push", "-p", "p", **empty)
    assert said.code == 0
    assert "equal" not in said.out


@pytest.mark.parametrize("store", ["local", "r2"])
def test_verify_reads_where_the_data_lies_and_exits_1_for_a_problem(
    dlf: Dlf, bucket: dict[str, str], disk: LocalStore, corner: Corner, store: str
) -> None:
    dlf("store", "push", "-p", "p", **bucket)
    where = {"local": str(disk.root), "r2": f"r2://{corner.bucket}/"}[store]
    said = dlf("store", "verify", "-p", "p", DLF_STORE=store, **bucket)
    assert (said.code, said.out) == (0, f"everything is whole in {where}\n")
    if store == "local":
        disk.put(IMAGES[0], b"rubbish")
        named = str(disk.path(IMAGES[0]))
    else:
        corner.write(IMAGES[0], b"rubbish")
        named = f"r2://{corner.bucket}/{corner.prefix}{IMAGES[0]}"
    problem = f"{named}: its bytes are not those of its name; delete it and gather its bucket again."
    said = dlf("store", "verify", "-p", "p", DLF_STORE=store, **bucket)
    assert (said.code, said.out) == (1, f"{problem}\n1 problem in {where}\n")
    said = dlf("store", "verify", "-p", "p", "--json", DLF_STORE=store, **bucket)
    assert (said.code, json.loads(said.out)) == (1, {"store": store, "problems": [problem]})


# what goes wrong


COMMANDS = {
    "pipeline": ["pipeline", "--project", "p"],
    "gather": ["gather", "--project", "p"],
    "filter": ["filter", "--project", "p", "--json"],
    "export": ["export", "--project", "p", "--format", "coco", "--out", "made"],
    "store status": ["store", "status", "--project", "p"],
    "store push": ["store", "push", "--project", "p"],
    "store pull": ["store", "pull", "--project", "p", "--json"],
    "store verify": ["store", "verify", "--project", "p"],
}


def check_one_sentence(said: Done, workspace: TestWorkspace, before: list[str]) -> None:
    assert said.code == 1
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert everything(workspace.root) == before


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("gone", [["R2_SECRET_ACCESS_KEY"], list(NAMES)])
def test_without_its_variables_every_command_is_one_sentence_and_writes_nothing(
    dlf: Dlf, workspace: TestWorkspace, bucket: dict[str, str], corner: Corner, words: list[str], gone: list[str]
) -> None:
    write_project(workspace, corner, store="r2")
    before = everything(workspace.root)
    said = dlf(*words, **{name: value for name, value in bucket.items() if name not in gone})
    check_one_sentence(said, workspace, before)
    assert "R2_SECRET_ACCESS_KEY" in said.err
    assert bucket["R2_SECRET_ACCESS_KEY"] not in said.err


@pytest.mark.parametrize("name", ["pipeline", "store push"])
@pytest.mark.parametrize("endpoint", ["https://<account>.r2.cloudflarestorage.com", "https://[x"])
def test_with_an_endpoint_that_is_none_neither(
    dlf: Dlf, workspace: TestWorkspace, bucket: dict[str, str], corner: Corner, name: str, endpoint: str
) -> None:
    write_project(workspace, corner, store="r2")
    before = everything(workspace.root)
    said = dlf(*COMMANDS[name], **(bucket | {"R2_ENDPOINT_URL": endpoint}))
    check_one_sentence(said, workspace, before)
    assert "R2_ENDPOINT_URL is not an address" in said.err


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", ["export", "store status", "store push", "store pull", "store verify"])
def test_when_nobody_answers_it_is_said_and_nothing_is_done(
    dlf: Dlf, workspace: TestWorkspace, bucket: dict[str, str], disk: LocalStore, corner: Corner, name: str
) -> None:
    write_project(workspace, corner, store="r2")
    files = [file for file in everything(disk.root) if ".locks" not in file]
    said = dlf(*COMMANDS[name], **(bucket | {"R2_ENDPOINT_URL": "http://127.0.0.1:9"}))
    assert (said.code, said.out) == (1, "")
    assert "nobody answers there" in said.err
    assert [file for file in everything(disk.root) if ".locks" not in file] == files
    assert not (workspace.root / "made").exists()


@pytest.mark.usefixtures("disk")
def test_another_projects_prefix_is_not_written(dlf: Dlf, bucket: dict[str, str], corner: Corner) -> None:
    corner.store(project="first").put("labels/splits.json", b"{}")
    before = corner.objects()
    said = dlf("store", "push", "-p", "p", **bucket)
    assert (said.code, said.out) == (1, "")
    assert "holds the labels of project 'first'; give 'p' " in said.err
    assert corner.objects() == before
