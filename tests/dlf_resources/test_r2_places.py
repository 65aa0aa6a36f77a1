"""What of a project lies in the bucket, what stays on this disk, and whose a prefix is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from object_store.corner import Corner, image_key
from object_store.fault_proxy import FaultProxy

from dlf_core.errors import StoreError
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.r2 import R2Store
from dlf_resources.stores.s3_objects import ObjectInfo

pytest_plugins = ["object_store.fixtures"]

IMAGE = image_key(b"an image")
SHARED = {
    IMAGE: "image/jpeg",
    "raw/positive/x/0f.png": "image/png",
    "labels/splits.json": "application/json",
    "labels/splits_train-0.9_val-0.1.json": "application/json",
    "labels/gather/tiny__positive.x.parquet": "application/octet-stream",
    "labels/filter/tiny__positive.x.superseded.parquet": "application/octet-stream",
}
HERE = [
    "labels/gather/tiny__positive.x.parts/1.parquet",
    "labels/gather/tiny__positive.x.searches/openverse-1.json",
    "labels/gather/tiny__positive.x.work/fetched.jsonl",
    "labels/filter/notes.txt",
    "dataset/coco/annotations.json",
    "report/report.md",
    "export/yolo/data.yaml",
]


def files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("key", SHARED)
def test_images_tables_and_reviews_go_to_the_bucket(corner: Corner, key: str) -> None:
    store = corner.store(root=corner.folder / "here")
    store.put(key, b"an image")
    assert corner.objects().keys() == {key, "labels/.project"}
    told = corner.head(key)
    assert told["Metadata"] == {"sha256": hashlib.sha256(b"an image").hexdigest()}
    assert told["ContentType"] == SHARED[key]
    assert not [file for file in files(corner.folder / "here") if not file.startswith(".cache/r2/")]
    assert corner.store().get(key) == b"an image"
    assert store.address(key) == f"r2://{corner.bucket}/{corner.prefix}{key}"


@pytest.mark.parametrize("key", HERE)
def test_what_is_only_of_use_here_stays_on_this_disk(corner: Corner, key: str) -> None:
    store = corner.store(root=corner.folder / "here")
    store.put(key, b"bytes")
    version = store.put_if(key, b"more", store.version(key))
    assert version == hashlib.sha256(b"more").hexdigest()
    assert [file for file in files(corner.folder / "here") if not file.startswith(".locks/")] == [key]
    assert store.path(key) == corner.folder / "here" / key
    assert store.folder("dataset") == corner.folder / "here" / "dataset"
    assert store.address(key) == str(corner.folder / "here" / key)
    assert store.signed_url(key, 60) is None
    assert corner.objects() == {}
    assert not corner.store().exists(key)


def test_lists_join_both_and_never_name_a_key_twice(corner: Corner) -> None:
    root = corner.folder / "here"
    store = corner.store(root=root)
    for key in (*SHARED, *HERE):
        store.put(key, b"in the store")
    # of the time before this project's data moved
    LocalStore(root).put("labels/gather/tiny__positive.x.parquet", b"on disk")
    LocalStore(root).put("labels/verify/tiny__positive.x.parquet", b"on disk")
    LocalStore(root).put(IMAGE, b"on disk")
    labels = sorted(key for key in (*SHARED, *HERE) if key.startswith("labels/"))
    assert list(store.list("labels")) == labels
    assert store.sizes("labels") == dict.fromkeys(labels, len(b"in the store"))
    assert list(store.list("raw")) == sorted([IMAGE, "raw/positive/x/0f.png"])
    assert store.get("labels/gather/tiny__positive.x.parquet") == b"in the store"
    assert not store.exists("labels/verify/tiny__positive.x.parquet")


def test_a_store_that_is_only_read_makes_no_folder_and_no_object(corner: Corner) -> None:
    root = corner.folder / "here"
    store = corner.store(root=root)
    assert list(store.list("raw")) == list(store.list("labels")) == []
    assert not store.exists(IMAGE)
    assert not store.path(IMAGE).exists()
    with pytest.raises(StoreError, match="is not there; `dlf store push` uploads what lies on this disk"):
        store.get("labels/splits.json")
    assert files(root) == []
    assert corner.objects() == {}


@pytest.mark.parametrize(
    "name",
    ["raw/", "raw/positive/", "labels/gather/", "labels/.locks/gather__x.json", "labels/x.txt", "labels/a/b/c.parquet"],
)
def test_what_others_left_between_our_objects_is_none_of_ours(corner: Corner, name: str) -> None:
    store = corner.store()
    store.put(IMAGE, b"an image")
    corner.write(name, b"")
    assert list(store.list("raw")) == [IMAGE]
    assert list(store.list("labels")) == []


# copies on this disk


def test_an_image_is_downloaded_once_and_one_that_was_written_here_never(corner: Corner, proxy: FaultProxy) -> None:
    writer, reader = corner.store(proxy.url), corner.store(proxy.url)
    writer.put(IMAGE, b"an image")
    assert writer.get(IMAGE) == writer.path(IMAGE).read_bytes() == b"an image"
    assert proxy.asked("GET", IMAGE) == []
    for _ in range(3):
        assert reader.get(IMAGE) == reader.path(IMAGE).read_bytes() == b"an image"
        assert reader.read_range(IMAGE, 3, 5) == b"image"
    assert len(proxy.asked("GET", IMAGE)) == 1


def test_a_table_is_downloaded_again_when_it_has_changed(corner: Corner, proxy: FaultProxy) -> None:
    key = "labels/filter/tiny__positive.x.parquet"
    writer, reader = corner.store(), corner.store(proxy.url)
    for content in (b"one", b"two", b"one"):
        writer.put(key, content)
        for _ in range(2):
            assert reader.path(key).read_bytes() == reader.get(key) == content
    assert len([asked for asked in proxy.asked("GET", key) if asked.status == 200]) == 6 + 2


@pytest.mark.parametrize("meanwhile", [b"two", None])
def test_a_table_that_changes_while_it_is_asked_for_is_taken_for_what_it_is(
    corner: Corner, monkeypatch: pytest.MonkeyPatch, meanwhile: bytes | None
) -> None:
    key = "labels/filter/tiny__positive.x.parquet"
    writer, reader = corner.store(), corner.store()
    writer.put(key, b"one")
    real = reader.objects.head

    def head(name: str) -> ObjectInfo | None:
        info = real(name)
        writer.put(key, meanwhile) if meanwhile else writer.delete(key)
        return info

    with monkeypatch.context() as patch:
        patch.setattr(reader.objects, "head", head)
        found = reader.path(key)
    assert (found.read_bytes() if found.exists() else None) == meanwhile
    writer.put(key, b"one")
    assert reader.path(key).read_bytes() == b"one"


def test_a_deleted_image_is_gone_from_this_disk_too(corner: Corner) -> None:
    store = corner.store()
    store.put(IMAGE, b"an image")
    copy = store.path(IMAGE)
    store.delete(IMAGE)
    assert not copy.exists()
    with pytest.raises(StoreError, match="is not there"):
        store.get(IMAGE)


def test_an_image_can_be_had_by_its_signed_address_and_by_no_other(corner: Corner) -> None:
    store = corner.store()
    store.put("raw/positive/ä b/1+1%.jpg", b"an image")
    url = store.signed_url("raw/positive/ä b/1+1%.jpg", 60)
    assert url is not None
    answer = httpx.get(url)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"an image", "image/jpeg")
    assert httpx.get(url.partition("?")[0]).status_code == 403
    assert httpx.get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61")).status_code == 403
    assert corner.server.secret_key not in url


# whose a prefix is


def test_a_prefix_that_holds_another_projects_labels_is_refused(corner: Corner) -> None:
    corner.store(project="first").put("labels/splits.json", b"{}")
    corner.store(project="first").put("labels/splits.json", b"{ }")  # from another machine
    before = corner.objects()
    second = corner.store(project="second")
    file = second.folder("raw/positive/x") / IMAGE.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"an image")
    for write in (
        lambda: second.put("labels/splits.json", b"[]"),
        lambda: second.put_if("labels/reviews.json", b"{}", None),
        lambda: second.placed(IMAGE),
        lambda: second.upload(IMAGE, file),
    ):
        with pytest.raises(StoreError) as caught:
            write()
        said = str(caught.value)
        assert said.startswith(f"{corner.bucket}/{corner.prefix}labels/ holds the labels of project 'first'; give ")
        assert "second/labels/" in said
    assert corner.objects() == before


def test_projects_with_prefixes_of_their_own_share_a_bucket(corner: Corner) -> None:
    stores: list[R2Store] = []
    for name in ("first", "second"):
        within = {"raw_prefix": f"{corner.prefix}{name}/raw/", "labels_prefix": f"{corner.prefix}{name}/labels/"}
        stores.append(corner.store(project=name, **within))
    for number, store in enumerate(stores):
        store.put("raw/positive/x/a.jpg", b"%d" % number)
        store.put("labels/splits.json", b"%d" % number)
    for number, store in enumerate(stores):
        assert store.get("labels/splits.json") == store.get("raw/positive/x/a.jpg") == b"%d" % number
        assert list(store.list("raw")) == ["raw/positive/x/a.jpg"]


def test_reviews_below_labels_lie_with_the_labels_and_are_listed(corner: Corner) -> None:
    """With a labels_prefix alone, two projects must not share the decisions of people."""
    store = corner.store(reviews_key="labels/reviews.json")
    store.put("labels/reviews.json", b"{}")
    assert corner.objects().keys() == {"labels/reviews.json", "labels/.project"}
    assert list(store.list("labels")) == ["labels/reviews.json"]
    assert corner.store(reviews_key="labels/reviews.json").get("labels/reviews.json") == b"{}"


def test_reviews_may_lie_anywhere_in_the_bucket(corner: Corner) -> None:
    key = f"{corner.prefix}people/said.json"
    store = corner.store(reviews_key=key)
    version = store.put_if(key, b"{}", None)
    assert "people/said.json" in corner.objects()
    assert (store.get(key), store.version(key)) == (b"{}", version)
    assert list(store.list("labels")) == []
