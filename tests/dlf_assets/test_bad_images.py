"""A folder of rubbish: every file becomes an image or a row that says why not, and the run goes on."""

from __future__ import annotations

import os

import numpy as np
import odd_images as odd
import pyarrow.compute as pc
import pytest
from factory import Factory
from PIL import Image
from workspaces import SAMPLE

from dlf_core.boxes import as_boxes, iou

PHOTO = (SAMPLE / "photos" / "people" / "000000188465.jpg").read_bytes()

REJECTED = {
    "empty.jpg": (b"", "not_an_image", "0 bytes"),
    "text.jpg": (b"this is only text", "not_an_image", "no image of a known format"),
    "truncated.jpg": (PHOTO[:20_000], "corrupt", "cannot be decoded to the end"),
    "nearly whole.jpg": (PHOTO[: len(PHOTO) * 99 // 100], "corrupt", "cannot be decoded to the end"),
    "huge.png": (odd.huge_png(), "too_large", "30000 × 30000"),
    "tiny.png": (odd.flat(8, 8, kind="PNG"), "too_small", "8 × 8"),
    "drawing.jpg": (odd.postscript(), "not_an_image", "no image of a known format"),
}
ACCEPTED = {
    "animated.gif": odd.animation("GIF"),
    "cmyk.jpg": odd.cmyk_jpeg(),
    "sixteen.png": odd.grey16_png(np.full((64, 96), 30_000, np.uint16)),
    "palette.png": odd.clear_palette_png(),
    "turned.jpg": odd.turned(odd.speckled(3), 6),
    "été ☃ name.jpg": odd.flat(colour=(1, 2, 3)),
    "non\u00a0breaking.jpg": odd.flat(colour=(4, 5, 6)),
    "percent%20and#hash?.jpg": odd.flat(colour=(7, 8, 9)),
}


@pytest.fixture
def rubbish(factory: Factory) -> Factory:
    for name, content in ACCEPTED.items():
        (factory.photos / name).write_bytes(content)
    for name, (content, _, _) in REJECTED.items():
        (factory.photos / name).write_bytes(content)
    (factory.photos / "photo.jpg").write_bytes(PHOTO)
    (factory.photos / "same photo.jpg").write_bytes(PHOTO)
    outside = factory.workspace.root / "secret.jpg"
    outside.write_bytes(odd.flat(colour=(9, 9, 9)))
    (factory.photos / "link.jpg").symlink_to(outside)
    (factory.photos / "dangling.jpg").symlink_to(factory.workspace.root / "nowhere.jpg")
    os.mkfifo(factory.photos / "pipe.jpg")
    factory.project()
    return factory


def test_every_file_becomes_an_image_or_a_row_with_a_reason(rubbish: Factory) -> None:
    made = rubbish.run()
    assert rubbish.result.success
    rows = {row["title"]: row for row in rubbish.table("gather").to_pylist()}
    files = list(rubbish.photos.iterdir())
    assert len(rows) == len(files), "no row is lost"
    for name, (_, state, reason) in REJECTED.items():
        assert rows[name]["state"] == state, name
        assert reason in rows[name]["reason"], name
    for name in [*ACCEPTED, "photo.jpg"]:
        assert rows[name]["state"] == "kept", (name, rows[name]["reason"])
        assert (rubbish.workspace.data("p") / rows[name]["path"]).is_file()
    assert rows["same photo.jpg"]["state"] == "duplicate"
    assert rows["link.jpg"]["state"] == "outside_folder"
    assert rows["dangling.jpg"]["state"] == rows["pipe.jpg"]["state"] == "unreadable"
    gathered = made["gathered_images"]
    assert gathered["in"] == len(files)
    assert gathered["out"] == len(ACCEPTED) + 1
    assert gathered["errors"] == 2
    assert gathered["counts"]["not_an_image"] == 3
    assert made["filtered_images"]["errors"] == 0


def test_a_second_run_tries_only_what_could_not_be_read(rubbish: Factory) -> None:
    rubbish.run("gather")
    assert rubbish.run("gather")["gathered_images"]["computed"] == 2


def test_boxes_of_a_turned_photo_are_right_in_the_upright_image(factory: Factory) -> None:
    """The same photo stored on its side, with the EXIF tag that turns it back."""
    photo = Image.open(SAMPLE / "photos" / "people" / "000000188465.jpg")
    (factory.photos / "upright.png").write_bytes(odd.encoded(photo, "PNG"))
    (factory.photos / "turned.png").write_bytes(odd.turned(photo, 6, "PNG"))
    # They are one picture, of which one would stay.
    factory.project(thresholds="{label_score: 0.3}", duplicates="{near: false}")
    factory.run()
    images = {row["title"]: row for row in factory.table("gather").to_pylist()}
    assert (images["turned.png"]["width"], images["turned.png"]["height"]) == photo.size
    review = factory.table("review")
    found = {}
    for name in ("upright.png", "turned.png"):
        rows = review.filter(pc.equal(review["image_id"], images[name]["image_id"])).to_pylist()
        found[name] = as_boxes([[row[corner] for corner in ("x1", "y1", "x2", "y2")] for row in rows])
    assert len(found["upright.png"]) == len(found["turned.png"]) > 5
    assert iou(found["upright.png"], found["turned.png"]).max(axis=1).min() > 0.99


def test_a_photo_and_the_same_photo_on_its_side_are_one_picture(factory: Factory) -> None:
    photo = Image.open(SAMPLE / "photos" / "people" / "000000188465.jpg")
    (factory.photos / "a upright.png").write_bytes(odd.encoded(photo, "PNG"))
    (factory.photos / "b turned.jpg").write_bytes(odd.turned(photo, 6, "JPEG", quality=95))
    factory.project()
    factory.run("gather")
    first, second = sorted(factory.table("gather").to_pylist(), key=lambda row: row["title"])
    assert (first["state"], second["state"]) == ("kept", "duplicate")
    assert (second["duplicate_of"], second["mirrored"]) == (first["image_id"], False)
    assert second["reason"]


def test_the_exported_copy_of_a_turned_photo_is_upright(factory: Factory) -> None:
    photo = Image.open(SAMPLE / "photos" / "people" / "000000188465.jpg")
    (factory.photos / "turned.jpg").write_bytes(odd.turned(photo, 6, "JPEG", quality=95))
    factory.project()
    factory.run()
    factory.run("dataset_of_project", "p")
    (exported,) = (factory.workspace.data("p") / "dataset" / "coco" / "images").iterdir()
    with Image.open(exported) as opened:
        assert opened.size == photo.size
        assert opened.getexif().get(0x0112, 1) == 1
