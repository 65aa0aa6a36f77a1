"""Disk and bucket compared, and copied both ways: the same on both sides, images first, nothing half, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from object_store.corner import Corner, image_key
from object_store.fault_proxy import FaultProxy
from object_store.faults import cut_download, cut_upload, flip_download, lose_answer, refuse, slow_down

from dlf_core.errors import StoreError
from dlf_resources.stores.copying import Compared, Place, compared, pull, push
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.r2 import R2Store

pytest_plugins = ["object_store.fixtures"]

PICTURES = [bytes([number]) * (100 + number) for number in range(40)]
IMAGES = [image_key(picture) for picture in PICTURES]
TABLES = [f"labels/{stage}/tiny__positive.x.parquet" for stage in ("filter", "gather", "label")]


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "disk")


@pytest.fixture
def remote(corner: Corner) -> R2Store:
    return corner.store()


def fill(store: LocalStore | R2Store) -> None:
    for key, picture in zip(IMAGES, PICTURES, strict=True):
        store.put(key, picture)
    for key in (*TABLES, "labels/splits.json"):
        store.put(key, key.encode())


def places(disk: LocalStore, remote: R2Store) -> dict[str, Place]:
    return {one.key: one.place for one in compared(disk, remote)}


def todo(disk: LocalStore, remote: R2Store, only: Place) -> list[Compared]:
    return [one for one in compared(disk, remote) if one.place in (only, Place.DIFFERS)]


def pushed(disk: LocalStore, remote: R2Store) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    push(disk, remote, todo(disk, remote, Place.DISK), lambda done, every: told.append((done, every)))
    return told


def pulled(disk: LocalStore, remote: R2Store) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    pull(disk, remote, todo(disk, remote, Place.R2), lambda done, every: told.append((done, every)))
    return told


def files(disk: LocalStore) -> dict[str, bytes]:
    found = (path for path in disk.root.rglob("*") if path.is_file())
    return {path.relative_to(disk.root).as_posix(): path.read_bytes() for path in found}


# compared


def test_every_key_is_in_its_place(disk: LocalStore, remote: R2Store) -> None:
    image, table = IMAGES[0], TABLES[0]
    both = [image, table, "labels/splits.json"]
    for store in (disk, remote):
        store.put(image, PICTURES[0])
        store.put(table, b"a table")
        store.put("labels/splits.json", b"{}")
    disk.put(IMAGES[1], PICTURES[1])
    remote.put(IMAGES[2], PICTURES[2])
    for key, content in ((IMAGES[3], PICTURES[3]), (TABLES[1], b"one"), (TABLES[2], b"long")):
        disk.put(key, content)
    for key, content in ((IMAGES[3], b"short"), (TABLES[1], b"two"), (TABLES[2], b"longer")):
        remote.put(key, content)
    found = compared(disk, remote)
    assert [one.key for one in found] == sorted([*both, *IMAGES[1:4], *TABLES[1:3]])
    assert {one.key for one in found if one.place == Place.BOTH} == set(both)
    assert {one.key: one.bytes for one in found if one.place == Place.DISK} == {IMAGES[1]: len(PICTURES[1])}
    assert {one.key: one.bytes for one in found if one.place == Place.R2} == {IMAGES[2]: len(PICTURES[2])}
    assert {one.key for one in found if one.place == Place.DIFFERS} == {IMAGES[3], TABLES[1], TABLES[2]}


def test_what_is_only_of_use_on_one_machine_is_not_compared(disk: LocalStore, remote: R2Store, corner: Corner) -> None:
    for key in ("labels/gather/t.parts/1.parquet", "dataset/dataset.json", "report/report.md", "labels/gather/x.txt"):
        disk.put(key, b"x")
    (disk.root / "labels" / "gather" / ".tmp-1-2-3").write_bytes(b"half")
    with remote.lock("gather__x", wait_seconds=0, purpose="gather"):
        corner.write("raw/positive/", b"")
        corner.write("labels/gather/", b"")
        assert compared(disk, remote) == []


def test_a_table_that_others_wrote_differs_since_nobody_knows_what_it_should_be(
    disk: LocalStore, remote: R2Store, corner: Corner
) -> None:
    disk.put(TABLES[0], b"a table")
    corner.write(TABLES[0], b"a table")
    assert places(disk, remote) == {TABLES[0]: Place.DIFFERS}


def test_reviews_that_lie_elsewhere_are_compared_and_copied_too(disk: LocalStore, corner: Corner) -> None:
    key = f"{corner.prefix}people/said.json"
    remote = corner.store(reviews_key=key)
    disk.put(key, b"{}")
    assert places(disk, remote) == {key: Place.DISK}
    pushed(disk, remote)
    assert places(disk, remote) == {key: Place.BOTH}
    disk.delete(key)
    assert places(disk, remote) == {key: Place.R2}
    pulled(disk, remote)
    assert disk.get(key) == b"{}"


# push


def test_after_a_push_both_sides_are_equal_and_a_second_does_nothing(disk: LocalStore, corner: Corner) -> None:
    remote = corner.store()
    fill(disk)
    remote.put(TABLES[0], b"an older one")
    remote.put(IMAGES[0], b"half of it")
    told = pushed(disk, remote)
    assert told == [(done, len(told)) for done in range(1, 45)]
    assert set(places(disk, remote).values()) == {Place.BOTH}
    assert {key: corner.read(key) for key in files(disk)} == files(disk)
    assert pushed(disk, remote) == []


def test_what_only_the_bucket_has_stays_there(disk: LocalStore, remote: R2Store) -> None:
    remote.put(IMAGES[0], PICTURES[0])
    disk.put(IMAGES[1], PICTURES[1])
    pushed(disk, remote)
    assert remote.get(IMAGES[0]) == PICTURES[0]
    assert not disk.exists(IMAGES[0])


def test_images_go_up_before_tables(disk: LocalStore, corner: Corner, proxy: FaultProxy) -> None:
    fill(disk)
    pushed(disk, corner.store(proxy.url))
    order = [corner.prefix + "raw/" in asked.path for asked in proxy.asked("PUT") if ".project" not in asked.path]
    assert order == [True] * len(IMAGES) + [False] * 4


@pytest.mark.usefixtures("impatient")
def test_an_upload_that_fails_in_the_middle_leaves_no_table_and_the_next_push_goes_on(
    disk: LocalStore, corner: Corner, proxy: FaultProxy
) -> None:
    fill(disk)
    remote = corner.store(proxy.url)
    proxy.on("PUT", IMAGES[20], refuse(400, "InvalidRequest"), None)
    with pytest.raises(StoreError, match="InvalidRequest"):
        pushed(disk, remote)
    there = corner.objects().keys() - {"labels/.project"}
    assert there <= set(IMAGES) - {IMAGES[20]}
    proxy.clear()
    assert len(pushed(disk, remote)) == 44 - len(there)
    assert set(places(disk, remote).values()) == {Place.BOTH}


@pytest.mark.usefixtures("impatient")
def test_faults_that_pass_leave_both_sides_equal(disk: LocalStore, corner: Corner, proxy: FaultProxy) -> None:
    fill(disk)
    remote = corner.store(proxy.url)
    for fault, part in ((cut_upload(), IMAGES[3]), (lose_answer(), TABLES[0]), (slow_down(), "")):
        proxy.on("PUT", part, fault, 7)
    pushed(disk, remote)
    empty = LocalStore(disk.root.parent / "empty")
    for fault, part in ((cut_download(), IMAGES[3]), (flip_download(), TABLES[0]), (slow_down(), "")):
        proxy.on("GET", part, fault, 1)
    pulled(empty, remote)
    assert files(empty) == files(disk)


@pytest.mark.parametrize("spoilt", [b"", PICTURES[0][:50]], ids=["empty", "cut"])
def test_a_damaged_image_is_not_put_over_a_whole_one(disk: LocalStore, remote: R2Store, spoilt: bytes) -> None:
    remote.put(IMAGES[0], PICTURES[0])
    disk.put(IMAGES[0], spoilt)  # power was lost before the disk had it
    with pytest.raises(StoreError) as caught:
        pushed(disk, remote)
    way_out = "its bytes are not those of its name; delete it and gather its bucket again."
    assert str(caught.value).startswith(f"{disk.path(IMAGES[0])}: {way_out}")
    assert remote.objects.get(remote.keys.object_of(IMAGES[0])) == PICTURES[0]


def test_another_projects_bucket_takes_nothing(disk: LocalStore, corner: Corner) -> None:
    corner.store(project="first").put("labels/splits.json", b"{}")
    before = corner.objects()
    fill(disk)
    with pytest.raises(StoreError, match="holds the labels of project 'first'"):
        pushed(disk, corner.store(project="second"))
    assert corner.objects() == before


# pull


def test_after_a_pull_both_sides_are_equal(disk: LocalStore, remote: R2Store) -> None:
    fill(remote)
    disk.put(TABLES[0], b"an older one")
    disk.put(IMAGES[0], b"half of it")
    told = pulled(disk, remote)
    assert told == [(done, len(told)) for done in range(1, 45)]
    assert set(places(disk, remote).values()) == {Place.BOTH}
    assert files(disk) == dict(zip(IMAGES, PICTURES, strict=True)) | {
        key: key.encode() for key in (*TABLES, "labels/splits.json")
    }
    assert pulled(disk, remote) == []


@pytest.mark.usefixtures("impatient")
def test_a_download_that_fails_in_the_middle_leaves_no_table_and_no_half(
    disk: LocalStore, corner: Corner, proxy: FaultProxy
) -> None:
    fill(corner.store())
    remote = corner.store(proxy.url)
    proxy.on("GET", IMAGES[20], cut_download(), None)
    with pytest.raises(StoreError, match="what was done is kept, run it again"):
        pulled(disk, remote)
    whole = dict(zip(IMAGES, PICTURES, strict=True))
    assert all(whole[key] == content for key, content in files(disk).items())
    proxy.clear()
    pulled(disk, remote)
    assert set(places(disk, remote).values()) == {Place.BOTH}
    assert len(files(disk)) == 44


def test_who_reads_a_table_while_it_is_pulled_sees_all_of_the_old(disk: LocalStore, remote: R2Store) -> None:
    disk.put(TABLES[0], b"the old table")
    remote.put(TABLES[0], b"the new table")
    with disk.path(TABLES[0]).open("rb") as reader:
        pulled(disk, remote)
        assert reader.read() == b"the old table"
    assert disk.get(TABLES[0]) == b"the new table"


def test_a_damaged_object_is_not_put_over_a_whole_file(disk: LocalStore, corner: Corner, remote: R2Store) -> None:
    disk.put(IMAGES[0], PICTURES[0])
    corner.write(IMAGES[0], b"rubbish")
    with pytest.raises(StoreError, match="its bytes are not those of its name; delete it"):
        pulled(disk, remote)
    assert files(disk) == {IMAGES[0]: PICTURES[0]}


@pytest.mark.usefixtures("impatient")
def test_a_table_that_comes_otherwise_each_time_leaves_the_one_on_disk(
    disk: LocalStore, corner: Corner, proxy: FaultProxy
) -> None:
    disk.put(TABLES[0], b"the old table")
    corner.store().put(TABLES[0], b"the new table")
    proxy.on("GET", TABLES[0], flip_download(), None)
    with pytest.raises(StoreError, match="is not what was written there"):
        pulled(disk, corner.store(proxy.url))
    assert files(disk) == {TABLES[0]: b"the old table"}


def test_a_disk_that_cannot_be_written_is_one_sentence(tmp_path: Path, remote: R2Store) -> None:
    remote.put(IMAGES[0], PICTURES[0])
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "raw").write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreError, match=r"cannot write .*; choose a writable data_root in the YAML or set DLF_DATA_"):
        pulled(LocalStore(tmp_path / "disk"), remote)
