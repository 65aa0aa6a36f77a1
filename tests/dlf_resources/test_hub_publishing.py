"""A folder on the Hub: what would be done, one commit, and tries that break off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hub.client import point_at, without_waiting
from hub.listener import failure, refusal, throttled
from hub.server import MOVED, READER, TOKEN, Hub
from huggingface_hub import HfApi
from model_servers.loopback import Reply, half, hang_up

from dlf_resources.hub.publishing import AT_ONCE, Change, Plan, plan_of, publish
from dlf_resources.hub.session import HubError

CARS = "maker/cars"
API = f"/api/datasets/{CARS}"
COMMIT, PREUPLOAD, CREATE = f"{API}/commit/main", f"{API}/preupload/main", "/api/repos/create"
CARD = "---\nlicense: cc-by-4.0\n---\n# Cars\n"
Publish = Callable[..., str]


@pytest.fixture(params=[False, True], ids=["lfs", "xet"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The client uploads by LFS in one test, and by Xet in the next; its token may write."""
    with Hub(organizations=["factory"]) as made:
        point_at(made, tmp_path / "home", monkeypatch, by_xet=request.param)
        without_waiting(monkeypatch)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield made
        assert f"Bearer {TOKEN}" not in {request.headers.get("authorization") for request in made.storage.requests}
        assert not any(TOKEN in request.path for request in [*made.requests, *made.storage.requests])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    for name, content in {
        "README.md": CARD.encode(),
        "ATTRIBUTION.md": b"# Attribution\n",
        ".data-label-factory": b"made by us",
        "data/train-00000-of-00001.parquet": noise(1, 200_000),
        "data/val-00000-of-00001.parquet": noise(2, 1000),
        "plots/classes.png": noise(3, 500),
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(content)
    return made


def noise(seed: int, size: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def contents(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(files.items()) if not name.startswith(".")}


def put(plan: Plan, **how: object) -> str:
    told: list[tuple[int, int]] = []
    how = {"private": False, "message": "Publish", "progress": lambda *done: told.append(done)} | how
    address = publish(plan, **how)  # type: ignore[arg-type]
    assert told == sorted(told)
    return address


def changes(plan: Plan) -> dict[str, str]:
    return {file.path: file.change.value for file in plan.files}


def test_a_folder_becomes_a_data_set_in_one_commit(hub: Hub, folder: Path) -> None:
    plan = plan_of(CARS, folder)
    assert (plan.exists, plan.private, plan.head) == (False, None, None)
    assert changes(plan) == dict.fromkeys(contents(folder), "new")
    assert sum(file.bytes for file in plan.files) == sum(map(len, contents(folder).values()))
    assert {request.method for request in hub.requests} == {"GET"}
    address = put(plan, message="2 images")
    [commit] = hub.commits(CARS)
    assert address == f"{hub.url}/datasets/{CARS}/commit/{commit.oid}"
    assert commit.summary == "2 images"
    assert hub.files(CARS) == contents(folder)
    assert not hub.repos[CARS].private


def test_what_is_there_as_it_is_here_is_not_published_again(hub: Hub, folder: Path) -> None:
    put(plan_of(CARS, folder))
    came = len(hub.requests)
    plan = plan_of(CARS, folder)
    assert set(changes(plan).values()) == {"unchanged"}
    assert plan.todo == []
    assert put(plan) == f"{hub.url}/datasets/{CARS}"
    assert {request.method for request in hub.requests[came:]} == {"GET"}
    assert len(hub.commits(CARS)) == 1


def test_only_what_is_new_changed_or_gone_is_in_the_next_commit(hub: Hub, folder: Path) -> None:
    put(plan_of(CARS, folder))
    hub.page = 2
    (folder / "README.md").write_text(CARD.replace("Cars", "cars"))  # of the same length
    (folder / "data/train-00000-of-00001.parquet").write_bytes(noise(4, 200_000))
    (folder / "data/val-00000-of-00001.parquet").unlink()
    (folder / "data/test-00000-of-00001.parquet").write_bytes(noise(5, 1000))
    plan = plan_of(CARS, folder)
    assert plan.head == hub.repos[CARS].head.oid
    assert changes(plan) == {
        "ATTRIBUTION.md": "unchanged",
        "README.md": "changed",
        "data/test-00000-of-00001.parquet": "new",
        "data/train-00000-of-00001.parquet": "changed",
        "data/val-00000-of-00001.parquet": "deleted",
        "plots/classes.png": "unchanged",
    }
    put(plan)
    assert hub.files(CARS) == contents(folder)
    assert sorted((one.kind, one.path) for one in hub.commits(CARS)[-1].operations) == [
        ("deletedFile", "data/val-00000-of-00001.parquet"),
        ("file", "README.md"),
        ("lfsFile", "data/test-00000-of-00001.parquet"),
        ("lfsFile", "data/train-00000-of-00001.parquet"),
    ]


def test_what_people_have_added_elsewhere_stays(hub: Hub, folder: Path) -> None:
    theirs = {"LICENSE": b"mine", "scripts/load.py": b"pass\n", "database/x.csv": b"1", "plots2/x.png": b"2"}
    ours = {"data/old-00000-of-00001.parquet": b"PAR1", "plots/old.png": b"old"}
    hub.add(CARS, theirs | ours)
    plan = plan_of(CARS, folder)
    assert {file.path for file in plan.files if file.change is Change.GONE} == set(ours)
    put(plan)
    assert hub.files(CARS) == contents(folder) | theirs


def test_a_folder_of_nothing_but_less_is_published_too(hub: Hub, folder: Path) -> None:
    put(plan_of(CARS, folder))
    (folder / "plots/classes.png").unlink()
    put(plan_of(CARS, folder))
    assert [one.kind for one in hub.commits(CARS)[-1].operations] == ["deletedFile"]


@pytest.mark.parametrize("repo", [CARS, "factory/cars"])
@pytest.mark.parametrize("private", [True, False])
def test_a_new_data_set_is_seen_by_whom_it_should_be(hub: Hub, folder: Path, repo: str, private: bool) -> None:
    put(plan_of(repo, folder), private=private)
    assert hub.repos[repo].private is private
    assert plan_of(repo, folder).private is private


def test_one_that_is_there_stays_as_private_as_it_is(hub: Hub, folder: Path) -> None:
    hub.add(CARS, {}, private=True)
    put(plan_of(CARS, folder), private=False)
    assert hub.repos[CARS].private


@pytest.mark.parametrize(
    ("token", "repo", "said"),
    [
        ("hf_wrong", CARS, "HF_TOKEN is not valid"),
        (READER, CARS, "HF_TOKEN may not do that"),
        (TOKEN, "somebody/cars", "HF_TOKEN may not do that .*somebody"),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_who_may_not_write_is_told_so_and_nothing_is_written(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo: str, said: str, there: bool
) -> None:
    if there:
        hub.add(repo, {"a.txt": b"a"})
        said = said.removesuffix(" .*somebody")
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=f"^{repo}: {said}"):
        put(plan_of(repo, folder))
    assert (hub.files(repo) == {"a.txt": b"a"}) if there else (repo not in hub.repos)


@pytest.mark.parametrize("path", [CREATE, PREUPLOAD, COMMIT])
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (failure(503), "the Hub answered 503; try again."),
        (throttled(), "the Hub wants to be asked less"),
        (refusal(403, "Storage limit"), r"HF_TOKEN may not do that \(Storage limit\)"),
    ],
    ids=["503", "429", "403"],
)
def test_a_refusal_on_the_way_is_a_sentence_and_the_next_try_goes_on(
    hub: Hub, folder: Path, path: str, reply: Reply, said: str
) -> None:
    plan = plan_of(CARS, folder)
    hub.refuse(path, reply, times=100)
    with pytest.raises(HubError, match=f"^{CARS}: {said}"):
        put(plan)
    assert CARS not in hub.repos or hub.commits(CARS) == []
    hub.heal()
    put(plan_of(CARS, folder))
    assert hub.files(CARS) == contents(folder)
    assert len(hub.commits(CARS)) == 1


def test_after_a_cut_in_mid_upload_nothing_is_sent_twice(hub: Hub, folder: Path) -> None:
    for number in range(AT_ONCE - 4):  # with the four that come before plots/, a batch
        (folder / f"data/a-{number:02}.parquet").write_bytes(noise(100 + number, 10_000))
    for number in range(3):
        (folder / f"plots/{number}.png").write_bytes(noise(200 + number, 400_000))
    hub.storage.cut(after=380_000, times=1000)  # by Xet, a batch is one request
    with pytest.raises(HubError, match=f"^{CARS}: .*try again"):
        put(plan_of(CARS, folder))
    assert hub.commits(CARS) == []
    first = {oid for oid, content in hub.repos[CARS].uploaded.items() if len(content) == 10_000}
    assert len(first) == AT_ONCE - 4
    hub.storage.heal()
    came = len(hub.storage.requests)
    put(plan_of(CARS, folder))
    assert hub.files(CARS) == contents(folder)
    assert len(hub.commits(CARS)) == 1
    assert 1_200_000 <= hub.storage.uploaded_since(came) < 1_300_000


def test_a_commit_whose_answer_is_lost_is_done(hub: Hub, folder: Path) -> None:
    for fault in (hang_up, half):
        (folder / "ATTRIBUTION.md").write_text(fault.__name__)
        plan = plan_of(CARS, folder)
        before = len(hub.commits(CARS)) if plan.exists else 0
        hub.next(COMMIT, fault)
        assert put(plan).startswith(f"{hub.url}/datasets/{CARS}")
        assert hub.files(CARS) == contents(folder)
        assert len(hub.commits(CARS)) == before + 1


def test_when_the_answer_is_lost_and_the_hub_too_nobody_says_that_it_is_done(hub: Hub, folder: Path) -> None:
    plan = plan_of(CARS, folder)
    hub.next(COMMIT, hang_up)
    hub.refuse(API, failure(503), times=100)
    with pytest.raises(HubError, match=f"^{CARS}: the Hub cannot be reached"):
        put(plan)


def test_what_others_commit_meanwhile_is_not_lost(hub: Hub, folder: Path) -> None:
    put(plan_of(CARS, folder))
    (folder / "README.md").write_text(CARD + "More.\n")
    plan = plan_of(CARS, folder)
    other = HfApi(endpoint=hub.url, token=TOKEN)
    other.upload_file(path_or_fileobj=b"theirs", path_in_repo="data/theirs.txt", repo_id=CARS, repo_type="dataset")
    with pytest.raises(HubError, match="somebody else has changed it meanwhile; try again"):
        put(plan)
    assert hub.files(CARS)["data/theirs.txt"] == b"theirs"
    assert hub.files(CARS)["README.md"] == CARD.encode()


def test_what_others_commit_to_a_new_data_set_meanwhile_is_not_lost(hub: Hub, folder: Path) -> None:
    plan = plan_of(CARS, folder)
    hub.add(CARS, {"README.md": b"# Theirs\n"})
    with pytest.raises(HubError, match=r"somebody else .*; try again"):
        put(plan)
    assert hub.files(CARS) == {"README.md": b"# Theirs\n"}


def test_a_commit_that_is_refused_is_not_taken_for_one_that_was_made(hub: Hub, folder: Path) -> None:
    hub.refuse(COMMIT, refusal(412, MOVED), times=100)
    with pytest.raises(HubError, match="somebody else has changed it meanwhile"):
        put(plan_of(CARS, folder))
    assert hub.files(CARS) == {}


def test_a_card_that_the_hub_refuses_is_a_sentence(hub: Hub, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mine\n---\n")
    with pytest.raises(HubError, match=r'README\.md.*"license" must be one of'):
        put(plan_of(CARS, folder))


def test_progress_is_told_until_all_is_up(hub: Hub, folder: Path) -> None:
    for number in range(AT_ONCE):
        (folder / f"data/{number}.parquet").write_bytes(noise(number, 10))
    told: list[tuple[int, int]] = []
    put(plan_of(CARS, folder), progress=lambda *done: told.append(done))
    assert told == [(AT_ONCE, AT_ONCE + 5), (AT_ONCE + 5, AT_ONCE + 5)]


def test_a_hub_that_fails_now_and_then_is_asked_again(hub: Hub, folder: Path) -> None:
    put(plan_of(CARS, folder))
    hub.refuse(f"/api/datasets/{CARS}", failure(503), times=2)
    hub.refuse(f"/api/datasets/{CARS}/tree/{hub.repos[CARS].head.oid}", failure(502))
    assert plan_of(CARS, folder).todo == []


def test_one_whose_owner_must_let_one_in_is_not_taken_for_a_new_one(hub: Hub, folder: Path) -> None:
    gated = refusal(403, "Access to dataset somebody/signs is restricted", "GatedRepo")
    hub.refuse(f"/api/datasets/{CARS}", gated, times=100)
    with pytest.raises(HubError, match=f"^{CARS}: its owner must let you in first"):
        plan_of(CARS, folder)
