"""Who may not come in is told so in a sentence, and so is who opens a bucket without its variables."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from finished_projects import image_id
from playwright.sync_api import expect
from review_operations import posted
from review_project import BUCKETS, box_id, make_project

from dlf_core.project import Project
from dlf_resources.projects import store_of
from dlf_resources.reviews.said import log_of
from harness.review_server import Server, running

pytestmark = pytest.mark.browser
IMAGE = image_id(0)
VARIABLES = ("R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET")
SUBJECT = {"bucket": BUCKETS[0], "image_id": IMAGE, "box_id": box_id(0, 0), "reviewer": "Eve"}
APPROVAL = json.dumps([posted("verdict", "approved", **SUBJECT)])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("DLF_HOME", "DLF_DATA_ROOT", "DLF_STORE", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    return make_project(tmp_path)


@pytest.fixture
def server(project: Project) -> Iterator[Server]:
    with running(project.file) as server:
        yield server


@pytest.fixture
def foreign() -> Iterator[str]:
    """A page of another port of this machine: to a browser the same site, though another origin."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Elsewhere</title>")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()


@pytest.mark.parametrize("path", ["/", "/canvas?project=cars", "/start?token=used"])
def test_without_a_cookie_the_page_says_what_to_do(server: Server, sit_down: Callable, path: str) -> None:
    server.cookie.clear()
    eve = sit_down(server, meant="401")
    answer = eve.page.goto(server.url + path)
    assert answer.status == 401
    expect(eve.page.get_by_role("heading")).to_have_text("The review page cannot be opened")
    expect(eve.page.get_by_role("paragraph")).to_contain_text("`dlf review`")
    assert eve.page.get_by_role("paragraph").inner_text().count(".") == 1


def test_a_foreign_page_writes_and_reads_nothing(
    server: Server, sit_down: Callable, foreign: str, project: Project
) -> None:
    eve = sit_down(server, meant="CORS|ERR_FAILED|ERR_BLOCKED_BY_RESPONSE")
    eve.page.goto(foreign)
    say = f"{server.url}/api/events?project=cars"
    write = """async ([address, body, type, mode]) => {
      const asked = { method: "POST", body, mode, credentials: "include", headers: { "Content-Type": type } };
      return fetch(address, asked).then((answer) => `answered: ${answer.type}`, (error) => error.name);
    }"""
    for kind, mode in (("application/json", "cors"), ("text/plain", "cors"), ("text/plain", "no-cors")):
        assert eve.page.evaluate(write, [say, APPROVAL, kind, mode]) == "TypeError", (kind, mode)
    with server.client() as client:  # a browser would ask first; a program that had the cookie would not
        headers = {"Content-Type": "application/json", "Origin": foreign.rstrip("/")}
        answer = client.post(say, content=APPROVAL, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin")
    look = """(address) => new Promise((told) => {
      const picture = new Image();
      picture.onload = () => told("shown");
      picture.onerror = () => told("blocked");
      picture.src = address;
    })"""
    assert eve.page.evaluate(look, f"{server.url}/api/thumbs/{IMAGE}.webp?project=cars") == "blocked"
    eve.open("/?project=cars")
    assert eve.page.evaluate(look, f"{server.url}/api/thumbs/{IMAGE}.webp?project=cars") == "shown"
    assert list(log_of(store_of(project)).events()) == []
    with server.client() as client:
        assert client.post(say, content=APPROVAL, headers={"Content-Type": "application/json"}).status_code == 200
    assert len(list(log_of(store_of(project)).events())) == 1, "it was refused for what it says, not for whence it came"


def test_missing_variables_of_a_bucket_are_named(project: Project, server: Server, sit_down: Callable) -> None:
    clouds = project.file.with_name("clouds.yaml")
    text = project.file.read_text(encoding="utf-8").replace("project_name: cars", "project_name: clouds\nstore: r2")
    clouds.write_text(text, encoding="utf-8")
    with server.client() as client:
        answer = client.get("/api/project", params={"project": "clouds"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store")
    sentence = answer.json()["error"]["message"]
    assert all(name in sentence for name in VARIABLES)

    ada = sit_down(server, meant="503")
    for path in ("/?project=clouds", "/canvas?project=clouds"):
        ada.open(path)
        # Long before it has been tried for the last time.
        expect(ada.page.get_by_role("status").filter(has_text=sentence)).to_be_visible(timeout=5_000)

    command = [sys.executable, "-m", "dlf_assets.cli.main", "review", "--project", str(clouds), "--no-open"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {sentence}\n"
