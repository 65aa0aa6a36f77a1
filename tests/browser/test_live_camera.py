"""The live route with Chromium's fake camera, a green picture with a pacman, and a server that draws boxes on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_servers.mac_tensor import MacTensor
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def falcon(monkeypatch: pytest.MonkeyPatch) -> Iterator[MacTensor]:
    with MacTensor() as server:
        server.seconds = 0.02  # the time in which a second frame could come
        monkeypatch.setenv("FALCON_URL", server.url)  # the review server inherits it
        yield server


def tracks(page: Page) -> list[str]:
    return page.get_by_role("list", name="Tracks").get_by_role("listitem").all_inner_texts()


def test_a_camera_is_looked_at_one_frame_at_a_time(falcon: MacTensor, serve: Callable, sit_down: Callable) -> None:
    falcon.boxes["car"] = [(0.1, 0.1, 0.4, 0.5), (0.5, 0.5, 0.9, 0.9)]
    ada = sit_down(serve(), permissions=["camera"])
    ada.open("/canvas/live")
    expect(ada.page.get_by_text(falcon.url)).to_be_visible()
    ada.page.get_by_label("Look for").fill("car")
    ada.page.get_by_role("button", name="Camera").click()
    expect(ada.page.get_by_role("img", name="with 2 boxes")).to_be_visible()
    assert [line.split()[0] for line in tracks(ada.page)] == ["#1", "#2"]
    # The picture is there, and so are the boxes: the page's own colour is nowhere in the middle of the canvas.
    painted = ada.page.evaluate(
        """() => {
            const canvas = document.querySelector('canvas');
            const [x, y] = [canvas.width / 2 - 50, canvas.height / 2 - 50];
            const { data } = canvas.getContext('2d').getImageData(x, y, 100, 100);
            return new Set(Array.from({ length: 100 * 100 }, (_, at) => data.slice(4 * at, 4 * at + 3).join())).size;
        }"""
    )
    assert painted > 1
    # What moves keeps its number; what jumps is another thing; what is hidden for long is over.
    falcon.boxes["car"] = [(0.55, 0.55, 0.95, 0.95), (0.12, 0.1, 0.42, 0.5), (0.1, 0.6, 0.2, 0.9)]
    expect(ada.page.get_by_role("img", name="with 3 boxes")).to_be_visible()
    assert [line.split()[0] for line in tracks(ada.page)] == ["#1", "#2", "#3"]
    falcon.boxes["car"] = [(0.12, 0.1, 0.42, 0.5)]
    expect(ada.page.get_by_role("list", name="Tracks").get_by_role("listitem")).to_have_count(1)
    assert tracks(ada.page)[0].startswith("#1 in")
    expect(ada.page.get_by_text("ms, ")).to_be_visible()
    assert falcon.peak == 1
    assert {field["query"] for field in falcon.fields} == {"car"}
    assert max(max(size) for size in falcon.sizes) <= 1024
    ada.page.get_by_role("button", name="Stop").click()
    expect(ada.page.get_by_text("choose the camera")).to_be_visible()
    assert ada.errors == []


def test_a_server_that_is_away_is_told_and_asked_seldom(serve: Callable, sit_down: Callable, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    with MacTensor() as falcon:
        monkeypatch.setenv("FALCON_URL", falcon.url)
    ada = sit_down(serve(), permissions=["camera"])
    asked: list[float] = []
    ada.page.on("request", lambda one: asked.append(time.monotonic()) if "/live/frames" in one.url else None)
    ada.open("/canvas/live?query=car")
    ada.page.get_by_role("button", name="Camera").click()
    told = ada.page.get_by_role("alert")
    expect(told).to_contain_text("cannot be reached")
    expect(told).to_contain_text("FALCON_URL")
    expect(told).to_contain_text("Asked again in 2 s")
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 0.9


def test_a_video_file_is_played_and_what_is_none_is_said(
    falcon: MacTensor, serve: Callable, sit_down: Callable, tmp_path: Path
) -> None:
    ada = sit_down(serve())
    ada.open("/canvas/live?query=car")
    falcon.boxes["car"] = [(0.1, 0.1, 0.4, 0.5)]
    bad = tmp_path / "notes.mp4"
    bad.write_text("no video")
    ada.page.get_by_label("Video file").set_input_files(bad)
    expect(ada.page.get_by_role("alert")).to_contain_text("notes.mp4 is no video that this browser plays")
    ada.page.get_by_label("Video file").set_input_files(video(ada.page, tmp_path))
    expect(ada.page.get_by_role("img", name="with 1 boxes")).to_be_visible()


def video(page: Page, folder: Path) -> Path:
    """A WebM of one second that Chromium itself has recorded: it plays what it records."""
    content = page.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
            const context = canvas.getContext('2d');
            const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: 'video/webm' });
            const parts = [];
            recorder.ondataavailable = (event) => parts.push(event.data);
            const ended = new Promise((resolve) => (recorder.onstop = resolve));
            recorder.start();
            for (let frame = 0; frame < 20; frame++) {
                context.fillStyle = `hsl(${frame * 18} 90% 50%)`;
                context.fillRect(0, 0, 64, 48);
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
            recorder.stop();
            await ended;
            return Array.from(new Uint8Array(await new Blob(parts).arrayBuffer()));
        }"""
    )
    file = folder / "clip.webm"
    file.write_bytes(bytes(content))
    return file
