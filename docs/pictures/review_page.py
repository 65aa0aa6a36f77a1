"""Pictures of the three routes of the review page, on a project that the pipeline has made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from model_servers.mac_tensor import MacTensor  # noqa: E402

from harness import chromium  # noqa: E402
from harness.review_server import running  # noqa: E402

CAMERA = ROOT / "project_configs" / "sample" / "photos" / "people" / "000000393226.jpg"


def take(env: dict[str, str], home: Path, save: Callable[[Path, str], None]) -> None:
    """Take them all.

    Args:
        env: of the workspace in which project `sample` is made.
        home: a folder for what is only needed meanwhile.
        save: keeps a screenshot under a name.
    """
    camera = home / "camera.mjpeg"
    # Chromium's camera plays a file of JPEGs; the photo's own boxes are what the server answers.
    camera.write_bytes(CAMERA.read_bytes() * 30)
    flags = (*chromium.CAMERA, f"--use-file-for-fake-video-capture={camera}")
    project = home / "project_configs" / "sample.yaml"
    with (
        MacTensor() as falcon,
        running(project, env=env | {"FALCON_URL": falcon.url}) as server,
        chromium.launched(*flags) as browser,
    ):
        falcon.boxes["person"] = _boxes(home / "data" / "sample")
        page = chromium.come_in(browser, server, name=None).new_page()

        def shoot(name: str) -> None:
            page.wait_for_timeout(1000)
            page.screenshot(path=home / f"{name}.png")
            save(home / f"{name}.png", name)

        page.goto(f"{server.url}/?project=sample")
        page.get_by_label("Who is reviewing?").fill("Ada")
        page.keyboard.press("Enter")
        page.get_by_text("Start reviewing").wait_for()
        shoot("review-grid")
        _decide(page)
        shoot("review-canvas")
        page.get_by_role("link", name="Live").click()
        page.get_by_label("Look for").fill("person")
        page.get_by_role("button", name="Camera").click()
        page.get_by_role("list", name="Tracks").get_by_role("listitem").first.wait_for()
        shoot("review-live")


def _decide(page: Page) -> None:
    page.get_by_text("Start reviewing").click()
    page.get_by_role("option").first.wait_for()
    for key in ("a", "x", "a", "a", "u", "x"):
        page.wait_for_timeout(800)  # as a person would
        page.keyboard.press(key)
    page.get_by_text("all saved").wait_for()


def _boxes(data: Path) -> list[tuple[float, ...]]:
    """The boxes that verify said YES to on the camera's photo."""
    (gather,), (review,) = (list((data / "labels" / stage).glob("*people.parquet")) for stage in ("gather", "review"))
    images = {row["image_id"] for row in pq.read_table(gather).to_pylist() if CAMERA.stem in str(row["url"])}
    rows = [row for row in pq.read_table(review).to_pylist() if row["image_id"] in images and row["kept"]]
    assert rows, f"no box on {CAMERA.name}"
    return [tuple(row[side] for side in ("x1", "y1", "x2", "y2")) for row in rows]
