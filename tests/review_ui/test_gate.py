"""Who is let in."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from review_ui.auth import MOST_BODY, START, Session

ASK = "/api/project?project=cars"
SAY = "/api/events?project=cars"


def test_the_printed_address_works_once_and_leaves_a_cookie(stranger: TestClient, session: Session) -> None:
    token = session.token
    assert token is not None
    assert stranger.get(ASK).status_code == 401
    answer = stranger.get(START, params={"token": token, "to": "/canvas?project=cars"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/canvas?project=cars")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.get(ASK).status_code == 200
    stranger.cookies.clear()
    refused = stranger.get(START, params={"token": token}, follow_redirects=False)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "token"


def test_a_cookie_is_known_to_the_next_server_and_its_file_makes_none(
    page: TestClient, open_server: Callable[[], TestClient], session: Session, tmp_path: Path
) -> None:
    file = tmp_path / "sessions"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = page.cookies[session.cookie]
    assert key not in file.read_text()
    again = Session(3030, file)
    assert again.knows(key)
    assert not again.knows(file.read_text().split()[0])


@pytest.mark.parametrize("path", ["/", "/canvas?project=cars", f"{START}?token=used"])
def test_a_person_without_a_cookie_is_shown_a_page_and_a_program_is_told(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "`dlf review`" in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    told = stranger.get(path, headers={"Accept": "application/json"}).json()["error"]["message"]
    assert told[1:] in answer.text


@pytest.mark.parametrize("token", ["", "x", "ü", "a" * 10_000])
def test_another_token_is_refused(stranger: TestClient, session: Session, token: str) -> None:
    assert stranger.get(START, params={"token": token}, follow_redirects=False).status_code == 401
    assert session.token is not None


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_start_leads_nowhere_else(stranger: TestClient, session: Session, to: str) -> None:
    answer = stranger.get(START, params={"token": session.token or "", "to": to}, follow_redirects=False)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3030", "127.0.0.1", "127.0.0.1:3031", "localhost.:3030"]
)
def test_another_host_is_refused_even_with_a_cookie(page: TestClient, host: str) -> None:
    answer = page.get(ASK, headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host")


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:3000", "null", None])
def test_only_the_page_itself_writes(page: TestClient, origin: str | None) -> None:
    if origin is None:
        del page.headers["Origin"]
    headers = {} if origin is None else {"Origin": origin}
    answer = page.post(SAY, json=[], headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin")


def test_a_form_of_another_site_is_refused(page: TestClient) -> None:
    answer = page.post(SAY, content=b"[]", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "content_type")


def test_a_large_body_is_refused_whether_it_says_so_or_not(page: TestClient) -> None:
    large = b" " * (MOST_BODY + 1)
    kind = {"Content-Type": "application/json"}
    assert page.post(SAY, content=large, headers=kind).status_code == 413
    sent = []

    def endless():  # type: ignore[no-untyped-def]
        for number in range(1024):
            sent.append(number)
            yield b" " * (1 << 20)

    answer = page.post(SAY, content=endless(), headers=kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/api/images/../../etc/passwd?project=cars",
        "/api/thumbs/..%2f..%2fetc%2fpasswd.webp?project=cars",
        "/..%2f..%2fpyproject.toml",
    ],
)
def test_paths_lead_nowhere(page: TestClient, path: str) -> None:
    assert page.get(path).status_code in (404, 422)


def test_every_answer_says_what_may_be_loaded(page: TestClient, stranger: TestClient) -> None:
    for path in (ASK, "/nothing"):
        headers = page.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
