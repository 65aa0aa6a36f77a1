"""The live route with Chromium's fake camera, a green picture with a pacman, and a server that draws boxes on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from model_servers.mac_tensor import MacTensor
from playwright.sync_api import Page, Request, expect
from viewport import canvas_of, fitted

pytestmark = pytest.mark.browser
CANVAS = 'section[aria-label="Camera"] canvas'
APART, ALIKE = 40, 8
"""By how much the levels of two pixels differ that are to differ, and such that are to be the same."""

Corners = Sequence[float]
Pixel = tuple[float, bool]
"""How far it is from the camera's, and whether it is the page's own colour."""

# Of the frame in which the page has just painted: it asked for it before.
PIXELS = """async ([rect, points]) => {
    const canvas = document.querySelector('section[aria-label="Camera"] canvas');
    const ground = getComputedStyle(canvas).backgroundColor.match(/\\d+/g).map(Number);
    const camera = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    await new Promise(requestAnimationFrame);
    camera.drawImage(document.querySelector('video'), ...rect);
    const [here, there] = [canvas.getContext('2d'), camera].map(
        (context) => context.getImageData(0, 0, canvas.width, canvas.height).data,
    );
    return points.map(([x, y]) => {
        const at = 4 * (Math.floor(y) * canvas.width + Math.floor(x));
        const far = (levels) => Math.max(...levels.map((level, place) => Math.abs(level - here[at + place])));
        return [far([...there.slice(at, at + 3)]), far(ground) === 0];
    });
}"""


@pytest.fixture
def falcon(monkeypatch: pytest.MonkeyPatch) -> Iterator[MacTensor]:
    with MacTensor() as server:
        server.seconds = 0.02  # the time in which a second frame could come
        monkeypatch.setenv("FALCON_URL", server.url)  # the review server inherits it
        yield server


def tracks(page: Page) -> list[str]:
    return page.get_by_role("list", name="Tracks").get_by_role("listitem").all_inner_texts()


def painted(page: Page, boxes: Sequence[Corners]) -> tuple[list[Pixel], list[Pixel]]:
    """The pixels of the boxes' edges, and some from within them."""
    film = page.evaluate(
        "() => { const { videoWidth: width, videoHeight: height } = document.querySelector('video');"
        " return { width, height }; }"
    )
    view, canvas = fitted(page, film, CANVAS), canvas_of(page, CANVAS)
    rect = [view.left - canvas["x"], view.top - canvas["y"], film["width"] * view.scale, film["height"] * view.scale]

    def looked_at(places: Sequence[tuple[float, float]]) -> list[Pixel]:
        points = [[rect[0] + x * rect[2], rect[1] + y * rect[3]] for x, y in places]
        return [(far, ground) for far, ground in page.evaluate(PIXELS, [rect, points])]

    edges, insides = [], []
    for x1, y1, x2, y2 in boxes:
        for share in (number / 20 for number in range(3, 18)):  # above the upper edge is the label
            x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
            edges += [(x1, y), (x2, y), (x, y1), (x, y2)]
            insides += [(x, y1 + other / 20 * (y2 - y1)) for other in range(3, 18)]
    return looked_at(edges), looked_at(insides)


def test_a_camera_is_looked_at_one_frame_at_a_time(falcon: MacTensor, serve: Callable, sit_down: Callable) -> None:
    falcon.boxes["car"] = [(0.1, 0.1, 0.4, 0.5), (0.5, 0.5, 0.9, 0.9)]
    ada = sit_down(serve(), permissions=["camera"])
    ada.open("/canvas/live")
    expect(ada.page.get_by_text(falcon.url)).to_be_visible()
    ada.page.get_by_label("Look for").fill("car")
    ada.page.get_by_role("button", name="Camera").click()
    expect(ada.page.get_by_role("img", name="with 2 boxes")).to_be_visible()
    assert [line.split()[0] for line in tracks(ada.page)] == ["#1", "#2"]
    edges, insides = painted(ada.page, falcon.boxes["car"])
    assert min(far for far, _ in edges) > APART
    assert sum(far <= ALIKE for far, _ in insides) > 0.95 * len(insides)  # what the camera films moves
    assert not any(ground for _, ground in edges + insides)
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


def test_a_server_that_is_away_is_told_and_asked_seldom(serve: Callable, sit_down: Callable, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    with MacTensor() as falcon:
        monkeypatch.setenv("FALCON_URL", falcon.url)
    ada = sit_down(serve(), permissions=["camera"], meant="503")
    asked: list[Request] = []
    ada.page.on("request", lambda one: asked.append(one) if "/live/frames" in one.url else None)
    ada.open("/canvas/live?query=car")
    ada.page.get_by_role("button", name="Camera").click()
    told = ada.page.get_by_role("alert")
    expect(told).to_contain_text("cannot be reached")
    expect(told).to_contain_text("FALCON_URL")
    expect(told).to_contain_text("Asked again in 4 s")
    times = [one.timing for one in asked[:3]]
    rests = [then["startTime"] - one["startTime"] - one["responseEnd"] for one, then in pairwise(times)]
    assert 900 <= rests[0] < rests[1]


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
