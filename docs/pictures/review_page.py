"""Pictures of the three routes of the review page, on a project that the pipeline has made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from model_servers.mac_tensor import MacTensor  # noqa: E402

CAMERA = ROOT / "project_configs" / "sample" / "photos" / "people" / "000000393226.jpg"


def take(dlf: Sequence[str], env: dict[str, str], home: Path, save: Callable[[Path, str], None]) -> None:
    """Take them all.

    Args:
        dlf: the command.
        env: of the workspace in which project `sample` is made.
        home: a folder for what is only needed meanwhile.
        save: keeps a screenshot under a name.
    """
    camera = home / "camera.mjpeg"
    # Chromium's camera plays a file of JPEGs; the photo's own boxes are what the server answers.
    camera.write_bytes(CAMERA.read_bytes() * 30)
    flags = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with MacTensor() as falcon, _served(dlf, env | {"FALCON_URL": falcon.url}) as address, sync_playwright() as play:
        falcon.boxes["person"] = _boxes(home / "data" / "sample")
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*flags, f"--use-file-for-fake-video-capture={camera}"]
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 800})

        def shoot(name: str) -> None:
            page.wait_for_timeout(1000)
            page.screenshot(path=home / f"{name}.png")
            save(home / f"{name}.png", name)

        page.goto(address)
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
        chromium.close()


def _decide(page: Page) -> None:
    page.get_by_text("Start reviewing").click()
    page.get_by_role("option").first.wait_for()
    for key in ("a", "x", "a", "a", "u", "x"):
        page.wait_for_timeout(800)  # as a person would
        page.keyboard.press(key)
    page.get_by_text("all saved").wait_for()


@contextmanager
def _served(dlf: Sequence[str], env: dict[str, str]) -> Iterator[str]:
    words = [*dlf, "review", "--project", "sample", "--no-open", "--json", "--port", "0"]
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            told = ""
            while not told.rstrip().endswith("}"):
                told += server.stdout.readline()
            yield json.loads(told)["address"]
        finally:
            server.terminate()


def _boxes(data: Path) -> list[tuple[float, ...]]:
    """The boxes that verify said YES to on the camera's photo."""
    (gather,), (review,) = (list((data / "labels" / stage).glob("*people.parquet")) for stage in ("gather", "review"))
    images = {row["image_id"] for row in pq.read_table(gather).to_pylist() if CAMERA.stem in str(row["url"])}
    rows = [row for row in pq.read_table(review).to_pylist() if row["image_id"] in images and row["kept"]]
    assert rows, f"no box on {CAMERA.name}"
    return [tuple(row[side] for side in ("x1", "y1", "x2", "y2")) for row in rows]
