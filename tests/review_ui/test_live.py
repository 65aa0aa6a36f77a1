"""Frames go to the server at `FALCON_URL`; what it says comes back as boxes, and what is wrong as one sentence."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from model_servers.falcon_perception import FalconPerception
from model_servers.loopback import Reply, Request, said
from model_servers.mac_tensor import MacTensor
from PIL import Image
from starlette.testclient import TestClient

JPEG = {"Content-Type": "image/jpeg"}


def frame(size: tuple[int, int] = (320, 240)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


def ask(page: TestClient, query: str = "car", content: bytes | None = None) -> Any:
    return page.post("/api/live/frames", params={"query": query}, content=content or frame(), headers=JPEG)


class Identify(MacTensor):
    """An identify server: like mac_tensor, with a name and a reference picture for every box."""

    mask: dict[str, Any]

    def good(self, request: Request) -> Reply:
        if request.method == "GET" and request.path == "/refs/Blue%20Eyes.jpg":
            return Reply(frame((60, 90)), media_type="image/jpeg")
        if (request.method, request.path) == ("POST", "/api/falcon"):
            self._form(request, {"query"})
            corners = {"x1": 0.1, "y1": 0.1, "x2": 0.4, "y2": 0.5}
            return said({"count": 1, "masks": [{"bbox_norm": corners, **self.mask}], "elapsed_seconds": 0.1})
        return said({"detail": "Not Found"}, 404)


@pytest.fixture
def mac_tensor(monkeypatch: pytest.MonkeyPatch) -> Iterator[MacTensor]:
    with MacTensor() as server:
        monkeypatch.setenv("FALCON_URL", server.url)
        yield server


def test_boxes_of_mac_tensor(page: TestClient, mac_tensor: MacTensor) -> None:
    outside = (0.5, 0.5, 1.4, 0.9)
    mac_tensor.boxes["car"] = [(0.1, 0.2, 0.3, 0.4), outside, (0.2, 0.2, 0.2, 0.5), (float("inf"), 0, 1, 1)]
    answer = ask(page).json()
    corners = [tuple(box["corners"].values()) for box in answer["boxes"]]
    assert corners == [(0.1, 0.2, 0.3, 0.4), (0.5, 0.5, 1.0, 0.9)]
    assert answer["boxes"][0]["name"] is answer["boxes"][0]["reference"] is None
    assert answer["seconds"] >= 0
    assert mac_tensor.fields == [{"query": "car"}]
    assert mac_tensor.sizes == [(320, 240)]


def test_boxes_of_falcon_perception(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with FalconPerception() as server:
        monkeypatch.setenv("FALCON_URL", server.url)
        server.boxes["car"] = [(32, 24, 160, 120)]
        (box,) = ask(page).json()["boxes"]
    assert list(box["corners"].values()) == [0.1, 0.1, 0.5, 0.5]


def test_names_and_pictures_of_an_identify_server(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with Identify() as server:
        monkeypatch.setenv("FALCON_URL", server.url + "/api/falcon")
        server.mask = {"name": "Blue Eyes", "score": 0.87, "confident": True, "ref_filename": "Blue Eyes.jpg"}
        (box,) = ask(page).json()["boxes"]
        assert (box["name"], box["score"], box["confident"]) == ("Blue Eyes", 0.87, True)
        picture = page.get(f"/api/live/references/{box['reference']}")
        assert picture.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(picture.content)).size == (60, 90)


@pytest.mark.parametrize("name", ["../secrets.jpg", "a/b.jpg", "", 7, None])
def test_a_reference_that_is_no_name_of_a_file_is_left_out(
    page: TestClient, monkeypatch: pytest.MonkeyPatch, name: object
) -> None:
    with Identify() as server:
        monkeypatch.setenv("FALCON_URL", server.url)
        server.mask = {"label": "card", "score": "high", "ref_filename": name}
        (box,) = ask(page).json()["boxes"]
    assert (box["name"], box["score"], box["reference"]) == ("card", None, None)


def test_a_picture_that_nobody_named_is_not_fetched(page: TestClient, mac_tensor: MacTensor) -> None:
    answer = page.get(f"/api/live/references/{'0' * 32}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_reference")


def test_a_server_that_is_not_there_is_told_with_the_way_out(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with MacTensor() as gone:
        monkeypatch.setenv("FALCON_URL", gone.url)
    answer = ask(page)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "backend")
    assert "cannot be reached" in answer.json()["error"]["message"]
    assert "FALCON_URL" in answer.json()["error"]["message"]
    assert page.get("/api/live").json() == {"address": gone.url}


def test_one_that_comes_back_is_asked_anew(page: TestClient, mac_tensor: MacTensor) -> None:
    mac_tensor.falcon = False
    assert "not loaded" in ask(page).json()["error"]["message"]
    mac_tensor.falcon = True
    mac_tensor.boxes["car"] = [(0.1, 0.2, 0.3, 0.4)]
    assert len(ask(page).json()["boxes"]) == 1


def test_an_address_that_is_none_is_one_sentence(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALCON_URL", "falcon")
    for answer in (ask(page), page.get("/api/live")):
        assert answer.status_code == 503
        assert answer.json()["error"]["message"].startswith("FALCON_URL is no address")


@pytest.mark.parametrize("content", [b"GIF89a", b"\xff\xd8\xff\xe0 cut off", frame((2500, 2000))])
def test_what_is_no_frame_is_not_sent_on(page: TestClient, mac_tensor: MacTensor, content: bytes) -> None:
    answer = ask(page, content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "frame")
    assert mac_tensor.sizes == []


def test_a_frame_is_a_jpeg_of_the_page_itself(page: TestClient, mac_tensor: MacTensor) -> None:
    for headers, status in (({"Content-Type": "text/plain"}, 415), (JPEG | {"Origin": "http://evil.example"}, 403)):
        assert page.post("/api/live/frames?query=car", content=frame(), headers=headers).status_code == status
    assert ask(page, content=b"x" * (3 << 20)).status_code == 413
    assert mac_tensor.sizes == []
