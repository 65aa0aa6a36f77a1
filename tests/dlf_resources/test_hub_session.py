"""Who asks the Hub, and what the user reads when it refuses: one sentence, and no token in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub.client import point_at, without_waiting
from hub.listener import ANY, failure, refusal, throttled
from hub.server import READER, TOKEN, Hub
from model_servers.loopback import Reply, half, hang_up

from dlf_resources.hub.publishing import plan_of
from dlf_resources.hub.references import downloaded
from dlf_resources.hub.session import HubError, checked_name, hub_api

SIGNS = "maker/signs"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as made:
        point_at(made, home, monkeypatch)
        without_waiting(monkeypatch)
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "README.md").write_text("# Signs\n")
    return made


def told(ask: Callable[[], object]) -> str:
    with pytest.raises(HubError) as caught:
        ask()
    said = str(caught.value)
    assert "\n" not in said
    assert caught.value.__cause__ is None
    return said


def test_without_a_token_a_sentence_says_where_one_comes_from(hub: Hub, folder: Path) -> None:
    wanted = "there is no token for the Hub; set HF_TOKEN or run `hf auth login`."
    assert told(lambda: hub_api(needs_token=True)) == told(lambda: plan_of(SIGNS, folder)) == wanted
    assert hub.requests == []


def test_reading_needs_no_token_and_sends_none(hub: Hub) -> None:
    hub.add(SIGNS, {"data/a.parquet": b"PAR1"})
    assert list(downloaded(SIGNS).rglob("*.parquet"))
    assert hub.tokens_seen() == set()


def test_the_token_is_that_of_the_environment_or_that_of_the_login(
    hub: Hub, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(exist_ok=True)
    (home / "token").write_text(f"{READER}\n")
    plan_of(SIGNS, folder)
    assert hub.tokens_seen() == {f"Bearer {READER}"}
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.requests.clear()
    plan_of(SIGNS, folder)
    assert hub.tokens_seen() == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("token", ["hf_secret part", "hf_secretä", "hf_secret\tpart", "hf_secret\x7f", "“hf_secret”"])
@pytest.mark.parametrize("place", ["environment", "login"])
def test_what_is_no_token_is_a_sentence_without_it(
    hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch, token: str, place: str
) -> None:
    if place == "login":
        home.mkdir(exist_ok=True)
        (home / "token").write_text(token, encoding="utf-8")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    for needs_token in (True, False):
        said = told(lambda needed=needs_token: hub_api(needs_token=needed))
        assert said == "HF_TOKEN holds signs that no token has (a blank, a line break?); set it again."
    assert hub.requests == []


@pytest.mark.parametrize("name", ["maker/signs", "a/b", "Maker-1/s.i_g-ns"])
def test_a_name_is_user_and_name(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["signs", "a/b/c", "../b", "a/..", "a/b.git", "a/b c", "", "/", "a/", "/b", "ä/b", f"a/{'b' * 100}", "a/b\n"],
)
def test_what_is_no_name_is_a_sentence(name: str, hub: Hub) -> None:
    wanted = f"'{name}' is no name of a repository; write user/name of letters, digits, '-', '_' and '.'."
    with pytest.raises(HubError) as caught:
        checked_name(name)
    assert str(caught.value) == wanted
    with pytest.raises(HubError):
        downloaded(name)
    assert hub.requests == []


@pytest.mark.parametrize(
    "ask", [lambda: checked_name("a/b"), lambda: downloaded("a/b"), lambda: hub_api(needs_token=False)]
)
def test_without_the_client_a_sentence_says_how_to_install_it(
    ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert told(ask) == "the Hub needs huggingface_hub; run `pip install 'data-label-factory[hub]'`."


REFUSALS = {
    "401": (refusal(401, "Invalid credentials in Authorization header"), "HF_TOKEN is not valid (any more); make"),
    "403": (refusal(403, "Read-only token."), "HF_TOKEN may not do that (Read-only token.); use one"),
    "409": (refusal(409, "Conflict"), "somebody else changes it just now; try again."),
    "412": (refusal(412, "Moved"), "somebody else has changed it meanwhile; try again."),
    "429": (throttled(), "the Hub wants to be asked less; try again in some minutes."),
    "500": (failure(500), "the Hub answered 500; try again."),
    "503": (failure(503), "the Hub answered 503; try again."),
    "no JSON": (Reply(b"<html>Welcome to this hotel</html>", 200, "text/html"), ""),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_a_sentence_that_names_the_data_set(
    case: str, hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply, said = REFUSALS[case]
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.refuse(ANY, reply, times=100)
    for ask in (lambda: plan_of(SIGNS, folder), lambda: downloaded(SIGNS)):
        assert told(ask).startswith(f"{SIGNS}: {said}")


def test_what_a_client_does_not_reach_is_a_sentence(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    for fault in (half, hang_up):
        hub.always(f"/api/datasets/{SIGNS}", fault)
        hub.always(f"/api/datasets/{SIGNS}/tree/main", fault)
        for ask in (lambda: plan_of(SIGNS, folder), lambda: downloaded(SIGNS)):
            assert told(ask).startswith(f"{SIGNS}: the Hub cannot be reached (")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "offline mode" in told(lambda: plan_of(SIGNS, folder))


def test_nobody_listens(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hub() as gone:
        point_at(gone, tmp_path / "home", monkeypatch)
    without_waiting(monkeypatch)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    for ask in (lambda: plan_of(SIGNS, folder), lambda: downloaded(SIGNS)):
        said = told(ask)
        assert said.startswith(f"{SIGNS}: the Hub cannot be reached (ConnectError: ")
        assert said.endswith("; try again.")


@pytest.mark.parametrize("token", ["hf_loopbackTokenThatMayWrite", "api_org_loopback", "plain-secret"])
@pytest.mark.parametrize("number", [400, 401, 403, 404, 500])
def test_a_token_that_comes_back_in_a_refusal_is_not_shown(
    token: str, number: int, hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    hub.refuse(ANY, refusal(number, f"You sent Authorization: Bearer {token}, {token}."), times=100)
    assert token not in told(lambda: plan_of(SIGNS, folder))
    assert token not in told(lambda: downloaded(SIGNS))


def test_nor_is_a_token_of_somebody_else(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.refuse(ANY, refusal(403, "hf_abcDEF123 and (hf_xyz) may not"), times=100)
    said = told(lambda: plan_of(SIGNS, folder))
    assert "hf_… and (hf_…) may not" in said
