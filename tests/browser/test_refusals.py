"""Who may not come in, and what is too much or not there, is refused in a sentence; nothing is written or told."""

from __future__ import annotations

import http.client
import http.server
import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from finished_projects import image_id
from playwright.sync_api import expect
from review_operations import posted
from review_process import Server, running
from review_project import BUCKETS, box_id, make_project

from dlf_core.project import Project
from dlf_resources.projects import store_of
from dlf_resources.reviews.said import log_of

pytestmark = pytest.mark.browser
IMAGE = image_id(0)
VARIABLES = ("R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET")
MB = 1 << 20
SUBJECT = {"bucket": BUCKETS[0], "image_id": IMAGE, "box_id": box_id(0, 0), "reviewer": "Eve"}
APPROVAL = json.dumps([posted("verdict", "approved", **SUBJECT)])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("DLF_HOME", "DLF_DATA_ROOT", "DLF_STORE", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    made = make_project(tmp_path)
    (tmp_path / "project_configs").symlink_to(made.file.parent)
    return made


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


def asked_plainly(server: Server, path: str) -> tuple[int, bytes]:
    """A path as it stands: other clients take the dots out."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    cookie = "; ".join(f"{name}={value}" for name, value in server.cookie.items())
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    return answer.status, answer.read()


def resident(server: Server) -> int:
    """Bytes of the server in memory."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) << 10


@pytest.mark.parametrize("path", ["/", "/canvas?project=cars", "/start?token=used"])
def test_without_a_cookie_the_page_says_what_to_do(server: Server, sit_down: Callable, path: str) -> None:
    server.cookie.clear()
    eve = sit_down(server)
    answer = eve.page.goto(server.url + path)
    assert answer.status == 401
    expect(eve.page.get_by_role("heading")).to_have_text("The review page cannot be opened")
    expect(eve.page.get_by_role("paragraph")).to_contain_text("`dlf review`")
    assert eve.page.get_by_role("paragraph").inner_text().count(".") == 1


def test_a_foreign_page_writes_and_reads_nothing(
    server: Server, sit_down: Callable, foreign: str, project: Project
) -> None:
    eve = sit_down(server)
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


def test_another_name_of_the_server_is_refused(server: Server) -> None:
    with server.client() as client:
        for host in ("evil.example", f"evil.example:{httpx.URL(server.url).port}", "127.0.0.1:1"):
            answer = client.get("/api/projects", headers={"Host": host})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host")


@pytest.mark.parametrize(
    "path",
    [
        "/../auth.py",
        "/%2e%2e/auth.py",
        "/..%2fauth.py",
        "/assets/../../auth.py",
        "/assets/%2e%2e/%2e%2e/auth.py",
        "/assets/..%5c..%5cauth.py",
        "//etc/passwd",
        "/api/images/..%2f..%2f..%2fetc%2fpasswd?project=cars",
        "/api/images/../../../../etc/passwd?project=cars",
        f"/api/images/{IMAGE}/file/../../../../../etc/passwd?project=cars",
        "/api/thumbs/../../etc.webp?project=cars",
        "/api/thumbs/..%2f..%2fetc%2fpasswd%00.webp?project=cars",
        "/api/project?project=../../etc/passwd",
        f"/api/images/{IMAGE}?project=cars&bucket=../../etc",
    ],
)
def test_no_path_leads_to_a_file(server: Server, path: str) -> None:
    status, content = asked_plainly(server, path)
    assert status in (400, 404, 422)
    assert "message" in json.loads(content)["error"]
    assert not any(word in content for word in (b"root:", b"import", b"ASGI"))


def send_without_end(server: Server, most: int) -> tuple[int, bytes]:
    """Send a body without a length, up to `most` bytes; how much was sent until an answer came, and its first line."""
    where = urlsplit(server.url)
    cookie = "; ".join(f"{name}={value}" for name, value in server.cookie.items())
    head = f"POST /api/events?project=cars HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: {server.url}\r\nCookie: {cookie}"
    head += "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"%x\r\n%b\r\n" % (MB, b" " * MB)
    answered, line = 0, b""
    with socket.create_connection((str(where.hostname), where.port or 0), timeout=30) as connection:
        connection.sendall(head.encode())
        for sent in range(1, most // MB + 1):
            try:
                connection.sendall(piece)
            except OSError:  # it has hung up, as it may
                break
            if not answered and select.select([connection], [], [], 0)[0]:
                answered, line = sent * MB, connection.recv(1 << 16).split(b"\r\n")[0]
    return answered, line


def test_a_body_of_a_gigabyte_is_refused_before_it_has_come(server: Server) -> None:
    with server.client() as client:
        assert client.get("/api/projects").status_code == 200  # whatever is loaded once is in memory
        before = resident(server)
        where = urlsplit(server.url)
        connection = http.client.HTTPConnection(where.netloc, timeout=10)
        connection.putrequest("POST", "/api/events?project=cars")
        told = {"Content-Type": "application/json", "Content-Length": str(1 << 30), "Origin": server.url}
        told["Cookie"] = "; ".join(f"{name}={value}" for name, value in server.cookie.items())
        for name, value in told.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (413, "too_large")
        connection.close()

        answered, line = send_without_end(server, 1 << 30)
        assert line.startswith(b"HTTP/1.1 413")
        assert answered < 32 * MB
        assert resident(server) - before < 32 * MB
        assert client.get("/api/projects").status_code == 200


def test_missing_variables_of_a_bucket_are_named(project: Project, server: Server, sit_down: Callable) -> None:
    clouds = project.file.with_name("clouds.yaml")
    text = project.file.read_text(encoding="utf-8").replace("project_name: cars", "project_name: clouds\nstore: r2")
    clouds.write_text(text, encoding="utf-8")
    with server.client() as client:
        answer = client.get("/api/project", params={"project": "clouds"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store")
    sentence = answer.json()["error"]["message"]
    assert all(name in sentence for name in VARIABLES)

    ada = sit_down(server)
    for path in ("/?project=clouds", "/canvas?project=clouds"):
        ada.open(path)
        # Long before it has been tried for the last time.
        expect(ada.page.get_by_role("status").filter(has_text=sentence)).to_be_visible(timeout=5_000)

    command = [sys.executable, "-m", "dlf_assets.cli.main", "review", "--project", str(clouds), "--no-open"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {sentence}\n"
