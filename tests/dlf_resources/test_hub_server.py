"""The Hub on loopback, asked by the real client: what a test of publishing may take from it as given."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from hub.client import environment, point_at, without_waiting
from hub.listener import ANY, failure, refusal, throttled
from hub.server import MOVED, READER, TOKEN, Hub
from huggingface_hub import CommitInfo, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils import disable_progress_bars
from model_servers.loopback import half, hang_up
from PIL import Image

CARS = "maker/cars"
CARD = "---\nlicense: cc-by-4.0\ntask_categories:\n- object-detection\n---\n# Cars\n"
COMMIT, PREUPLOAD = f"/api/datasets/{CARS}/commit/main", f"/api/datasets/{CARS}/preupload/main"
SHARD = "data/train-00000-of-00001.parquet"
Publish = Callable[..., CommitInfo]


@pytest.fixture(params=[False, True], ids=["lfs", "xet"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The client is pointed there; it uploads by LFS in one test, and by Xet in the next."""
    with Hub(organizations=["factory"]) as made, disable_progress_bars():
        point_at(made, tmp_path / "home", monkeypatch, by_xet=request.param)
        yield made


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return without_waiting(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A card, a text, a picture, and 12 MB of noise."""
    made = tmp_path / "folder"
    (made / "data").mkdir(parents=True)
    (made / "README.md").write_text(CARD)
    (made / "labels.txt").write_text("car\nlorry\n")
    (made / SHARD).write_bytes(np.random.default_rng(0).bytes(12_000_000))
    Image.new("RGB", (32, 32), "red").save(made / "data/red.png")
    return made


@pytest.fixture
def publish(hub: Hub, folder: Path) -> Publish:
    """Has the repository made, and uploads the folder as often as it is called."""
    asked(hub).create_repo(CARS, repo_type="dataset")

    def upload(**how: object) -> CommitInfo:
        client = asked(hub)
        return client.upload_folder(
            repo_id=CARS, folder_path=folder, repo_type="dataset", commit_message="Publish", **how
        )

    return upload


def asked(hub: Hub, token: str | bool = TOKEN) -> HfApi:
    return HfApi(endpoint=hub.url, token=token)


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, without what begins with a dot."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(files.items()) if not name.startswith(".")}


def test_a_folder_comes_back_as_it_was_published(
    hub: Hub, folder: Path, publish: Publish, tmp_path: Path, waited: list[float]
) -> None:
    published = publish()
    assert hub.files(CARS) == contents(folder)
    [commit] = hub.commits(CARS)
    assert (commit.oid, commit.summary) == (published.oid, "Publish")
    assert {operation.path: operation.kind for operation in commit.operations} == {
        "README.md": "file",
        SHARD: "lfsFile",
        "data/red.png": "lfsFile",
        "labels.txt": "file",
    }
    hub.page = 2
    assert asked(hub).list_repo_files(CARS, repo_type="dataset") == [".gitattributes", *contents(folder)]
    asked(hub).snapshot_download(CARS, repo_type="dataset", local_dir=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    hub.storage.next(hub.storage.object_path(CARS, hub.repos[CARS].head.files[SHARD].sha256), half)
    one = asked(hub, token=False).hf_hub_download(CARS, SHARD, repo_type="dataset")
    assert Path(one).read_bytes() == (folder / SHARD).read_bytes()
    assert asked(hub).dataset_info(CARS).card_data.license == "cc-by-4.0"


def test_only_what_has_changed_is_committed_again(hub: Hub, folder: Path, publish: Publish) -> None:
    publish()
    came = len(hub.storage.requests)
    publish()
    assert len(hub.commits(CARS)) == 1
    (folder / "labels.txt").write_text("car\n")
    publish(delete_patterns="*.png")
    *_, last = hub.commits(CARS)
    assert [(operation.kind, operation.path) for operation in last.operations] == [("file", "labels.txt")]
    assert hub.storage.uploaded_since(came) == 0
    (folder / "data/red.png").unlink()
    publish(delete_patterns="*.png")
    assert [operation.kind for operation in hub.commits(CARS)[-1].operations] == ["deletedFile"]
    assert hub.files(CARS) == contents(folder)


def test_a_token_is_seen_by_the_hub_alone(hub: Hub, publish: Publish, tmp_path: Path) -> None:
    publish()
    asked(hub).snapshot_download(CARS, repo_type="dataset", local_dir=tmp_path / "back")
    there = {request.headers.get("authorization") for request in hub.storage.requests}
    assert there <= {None, "Bearer xet:" + CARS}
    assert {f"Bearer {TOKEN}"} == hub.tokens_seen() - there
    assert not any(TOKEN in request.path for request in [*hub.requests, *hub.storage.requests])


def test_a_private_repository_is_there_for_its_owner_alone(hub: Hub) -> None:
    asked(hub).create_repo("factory/cars", repo_type="dataset", private=True)
    assert hub.repos["factory/cars"].private
    assert asked(hub, READER).dataset_info("factory/cars").private
    with pytest.raises(RepositoryNotFoundError) as failed:
        asked(hub, token=False).list_repo_files("factory/cars", repo_type="dataset")
    assert failed.value.response.status_code == 401
    hub.add("somebody/cars", {"a.txt": b"a"}, private=True)
    with pytest.raises(RepositoryNotFoundError) as failed:
        asked(hub).list_repo_files("somebody/cars", repo_type="dataset")
    assert failed.value.response.status_code == 404
    with pytest.raises(HfHubHTTPError, match="already created") as failed:
        asked(hub).create_repo("factory/cars", repo_type="dataset")
    assert failed.value.response.status_code == 409
    assert asked(hub).create_repo("factory/cars", repo_type="dataset", exist_ok=True).repo_id == "factory/cars"


def test_who_may_not_write_is_told_so(hub: Hub, folder: Path) -> None:
    for token, repo_id, number in (
        ("hf_wrong", CARS, 401),
        (False, CARS, 401),
        (READER, CARS, 403),
        (TOKEN, "somebody/cars", 403),
    ):
        with pytest.raises(HfHubHTTPError) as failed:
            asked(hub, token).create_repo(repo_id, repo_type="dataset", exist_ok=True)
        assert failed.value.response.status_code == number
    hub.add("somebody/cars", {"a.txt": b"a"})
    with pytest.raises(HfHubHTTPError, match="403 Forbidden"):
        asked(hub).upload_folder(repo_id="somebody/cars", folder_path=folder, repo_type="dataset")
    assert hub.files("somebody/cars") == {"a.txt": b"a"}
    path = asked(hub).hf_hub_download("somebody/cars", "a.txt", repo_type="dataset")
    assert Path(path).read_bytes() == b"a"
    with pytest.raises(RemoteEntryNotFoundError):
        asked(hub).hf_hub_download("somebody/cars", "b.txt", repo_type="dataset")


def test_a_card_that_the_hub_refuses_is_refused_before_anything_is_uploaded(
    hub: Hub, folder: Path, publish: Publish
) -> None:
    (folder / "README.md").write_text("---\nlicense: mine\n---\n")
    with pytest.raises(ValueError, match='"license" must be one of'):
        publish()
    (folder / "README.md").write_text("# Cars\n")
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        publish()
    assert len(hub.commits(CARS)) == 1


def test_what_fails_for_a_while_is_asked_again(hub: Hub, folder: Path, publish: Publish, waited: list[float]) -> None:
    hub.refuse(PREUPLOAD, failure(503), times=2)
    hub.storage.cut(after=100_000, times=2)
    publish()
    assert hub.files(CARS) == contents(folder)
    assert waited[:2] == [1, 2]
    (folder / "labels.txt").write_text("car\n")
    hub.refuse(PREUPLOAD, throttled(seconds=3))
    publish()
    assert waited[-1] == 4


def test_after_an_upload_broke_off_only_the_rest_is_uploaded(
    hub: Hub, folder: Path, publish: Publish, waited: list[float]
) -> None:
    hub.refuse(COMMIT, failure(500), times=100)
    with pytest.raises(HfHubHTTPError):
        publish()
    assert hub.commits(CARS) == []
    came = len(hub.storage.requests)
    hub.heal()
    publish()
    assert hub.files(CARS) == contents(folder)
    assert hub.storage.uploaded_since(came) == 0
    (folder / SHARD).write_bytes(np.random.default_rng(1).bytes(12_000_000))
    hub.storage.cut(after=100_000, times=100)
    with pytest.raises((RuntimeError, OSError)):  # by LFS, by Xet
        publish()
    assert len(hub.commits(CARS)) == 1


def test_a_commit_after_another_one_is_refused_and_one_whose_answer_is_lost_is_done(
    hub: Hub, folder: Path, publish: Publish, waited: list[float]
) -> None:
    first = hub.repos[CARS].head.oid
    publish()
    (folder / "labels.txt").write_text("car\n")
    with pytest.raises(HfHubHTTPError, match=MOVED) as failed:
        publish(parent_commit=first)
    assert failed.value.response.status_code == 412
    hub.refuse(COMMIT, refusal(412, MOVED))
    with pytest.raises(HfHubHTTPError, match=MOVED):
        publish()
    hub.next(COMMIT, hang_up)
    try:
        publish()
    except httpx2.RemoteProtocolError:
        assert len(hub.commits(CARS)) == 2  # by LFS the client asks once
    else:
        assert len(hub.commits(CARS)) == 3  # by Xet it asks again, and commits the same twice
    assert hub.files(CARS) == contents(folder)


def test_everything_may_be_refused(hub: Hub, waited: list[float]) -> None:
    hub.refuse(ANY, failure(502), times=100)
    with pytest.raises(HfHubHTTPError):
        asked(hub).whoami()
    assert [request.path for request in hub.requests] == ["/api/whoami-v2"]


def test_by_xet_many_files_take_several_commits_and_a_second_try_makes_those_that_are_missing(
    hub: Hub, folder: Path, publish: Publish, waited: list[float]
) -> None:
    for number in range(300):
        (folder / f"data/{number:03}.txt").write_text(f"{number}\n")
    hub.refuse(COMMIT, failure(500), times=1000, skip=1)
    if constants.HF_HUB_DISABLE_XET:
        publish()
        assert len(hub.commits(CARS)) == 1
    else:
        with pytest.raises(HfHubHTTPError):
            publish()
        assert [len(commit.operations) for commit in hub.commits(CARS)] == [250]
        hub.heal()
        publish()
        assert [len(commit.operations) for commit in hub.commits(CARS)] == [250, 54]
    assert hub.files(CARS) == contents(folder)


def test_another_process_finds_the_hub_and_its_token_in_its_environment(hub: Hub, tmp_path: Path) -> None:
    code = "from huggingface_hub import HfApi; print(HfApi().whoami()['name'])"
    env = os.environ | environment(hub, tmp_path / "home") | {"HF_TOKEN": TOKEN}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "maker\n"
    assert hub.tokens_seen() == {f"Bearer {TOKEN}"}
