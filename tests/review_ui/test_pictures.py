"""Images and thumbnails."""

from __future__ import annotations

import io

import pytest
from finished_projects import image_id
from PIL import Image
from review_project import BUCKETS
from starlette.testclient import TestClient

from dlf_core.project import Project
from dlf_resources.projects import store_of

ASK = {"project": "cars"}


def of(path: str) -> str:
    return f"/api/{path.format(image_id(1))}"


def test_an_image_comes_as_it_lies_there(page: TestClient, project: Project) -> None:
    answer = page.get(of("images/{}/file"), params=ASK)
    path = f"raw/{BUCKETS[0]}/{image_id(1)}.jpg"
    assert (answer.content, answer.headers["content-type"]) == (store_of(project).get(path), "image/jpeg")
    assert "immutable" in answer.headers["cache-control"]


def test_a_thumbnail_is_made_once_and_a_browser_that_has_it_is_told_so(page: TestClient, project: Project) -> None:
    answer = page.get(of("thumbs/{}.webp"), params=ASK)
    with Image.open(io.BytesIO(answer.content)) as thumb:
        assert (thumb.format, thumb.size) == ("WEBP", (96, 64))
    store_of(project).delete(f"raw/{BUCKETS[0]}/{image_id(1)}.jpg")
    assert page.get(of("thumbs/{}.webp"), params=ASK).content == answer.content
    etag = answer.headers["etag"]
    again = page.get(of("thumbs/{}.webp"), params=ASK, headers={"If-None-Match": f'"x", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_head_and_range_are_honest(page: TestClient) -> None:
    whole = page.get(of("thumbs/{}.webp"), params=ASK)
    head = page.head(of("thumbs/{}.webp"), params=ASK)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(whole.content)))
    part = page.get(of("thumbs/{}.webp"), params=ASK, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])


@pytest.mark.parametrize("path", ["images/{}/file", "thumbs/{}.webp"])
def test_an_image_that_is_gone_or_damaged_is_a_sentence(page: TestClient, project: Project, path: str) -> None:
    key = f"raw/{BUCKETS[0]}/{image_id(1)}.jpg"
    store_of(project).put(key, b"no image at all")
    damaged = page.get(of(path), params=ASK)
    assert (damaged.status_code, damaged.json()["error"]["code"]) == (404, "damaged")
    store_of(project).delete(key)
    gone = page.get(of(path), params=ASK)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "no_file")


def test_a_turned_photo_is_shown_upright(page: TestClient, project: Project) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (96, 64), "red").save(buffer, "JPEG", exif=exif)
    store_of(project).put(f"raw/{BUCKETS[0]}/{image_id(1)}.jpg", buffer.getvalue())
    answer = page.get(of("images/{}/file"), params=ASK)
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (64, 96))


@pytest.mark.parametrize("image", ["0" * 31, "g" * 32, "A" * 32, "..", "%2e%2e"])
def test_what_is_no_id_is_refused(page: TestClient, image: str) -> None:
    assert page.get(f"/api/images/{image}", params=ASK).status_code in (404, 422)
    assert page.get(f"/api/thumbs/{image}.webp", params=ASK).status_code in (404, 422)
