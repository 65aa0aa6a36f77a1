"""Names, paths and bodies that no page sends are refused, and none of them costs the server its memory."""

from __future__ import annotations

import http.client
import json
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from finished_projects import image_id
from review_project import make_project

from harness.review_server import Server, running

pytestmark = pytest.mark.processes
IMAGE = image_id(0)
MB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DLF_HOME", "DLF_DATA_ROOT", "DLF_STORE"):
            patch.delenv(name, raising=False)
        with running(make_project(tmp_path_factory.mktemp("cars")).file) as server:
            yield server


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
