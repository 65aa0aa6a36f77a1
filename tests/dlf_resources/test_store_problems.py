"""`problems`: a sentence for everything that is not as it was written, on disk and in a bucket; none for what is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from object_store.corner import Corner, image_key
from object_store.fault_proxy import FaultProxy
from object_store.faults import cut_download, flip_download, slow_down
from stage_rows import grounding, image, verdict

from dlf_core.errors import StoreError
from dlf_core.image_ids import image_id_of
from dlf_core.records import to_table
from dlf_resources.stores.base import Store
from dlf_resources.stores.copying import problems
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.stage_tables import encode, table_key

pytest_plugins = ["object_store.fixtures"]

PICTURES = [b"picture %d" % number for number in range(5)]
KEY = "tiny__positive.x"
GATHER = table_key("gather", KEY)


@pytest.fixture(params=["local", "r2"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return filled(LocalStore(tmp_path / "data"))
    corner: Corner = request.getfixturevalue("corner")
    return filled(corner.store())


def filled(store: Any) -> Any:
    """Five images, their tables, one rejected candidate, an unfinished stage and an image that no table names."""
    for picture in PICTURES:
        store.put(image_key(picture), picture)
    ids = [image_id_of(picture) for picture in PICTURES]
    rejected = replace(image("gone"), image_id=None, path=None, state="not_found")
    store.put(GATHER, encode(to_table("gather", [*map(image, ids), rejected])))
    store.put(table_key("filter", KEY), encode(to_table("filter", [verdict(one) for one in ids])))
    store.put(f"labels/filter/{KEY}.superseded.parquet", encode(to_table("filter", [verdict("old")])))
    store.put(table_key("label", KEY), encode(to_table("label", [grounding(one) for one in ids])))
    store.put("labels/splits.json", b"{}")
    store.put(f"labels/verify/{KEY}.parts/1.parquet", b"half")
    store.put(image_key(b"nobody names it"), b"nobody names it")
    return store


def found(store: Store) -> list[str]:
    return list(problems(store, lambda done, every: None))


def test_a_whole_project_has_none_and_every_byte_counts_as_progress(store: Store) -> None:
    told: list[tuple[int, int]] = []
    assert list(problems(store, lambda done, every: told.append((done, every)))) == []
    assert told == [(done, 11) for done in range(1, 12)]


def test_a_project_without_data_has_none(corner: Corner, tmp_path: Path) -> None:
    assert found(corner.store()) == found(LocalStore(tmp_path / "nothing")) == []


def test_an_image_that_a_table_names_and_that_is_gone(store: Store) -> None:
    key = image_key(PICTURES[2])
    store.delete(key)
    assert found(store) == [f"{store.address(key)}: is named by the gather table of {KEY} and not there."]
    store.delete(image_key(PICTURES[0]))
    (said,) = found(store)
    assert said.endswith(f": is named by the gather table of {KEY} and not there and 1 more.")


@pytest.mark.parametrize("content", [b"", b"rubbish", PICTURES[1]])
def test_an_image_that_is_not_its_name(store: Store, content: bytes) -> None:
    key = image_key(PICTURES[0])
    store.put(key, content)
    way_out = "its bytes are not those of its name; delete it and gather its bucket again."
    assert found(store) == [f"{store.address(key)}: {way_out}"]


@pytest.mark.parametrize("stage", ["gather", "filter", "label"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_table_that_is_none(store: Store, stage: str, content: bytes) -> None:
    store.put(table_key(stage, KEY), content)
    (said,) = found(store)
    assert f"labels/{stage}/{KEY}.parquet: is not a {stage} table (" in said
    assert said.endswith(f"); delete it and run the {stage} stage again.")


def test_a_table_of_another_stage(store: Store) -> None:
    store.put(table_key("label", KEY), store.get(table_key("filter", KEY)))
    (said,) = found(store)
    assert f"labels/label/{KEY}.parquet: is not a label table (it has no column" in said


def test_tables_that_are_none_of_a_stage_are_read_and_not_judged(store: Store) -> None:
    store.put("labels/backup/old.parquet", b"anything")
    assert found(store) == []


def test_bytes_that_are_not_those_that_were_written_although_they_are_a_table(corner: Corner) -> None:
    store = filled(corner.store())
    told = corner.head(GATHER)["Metadata"]
    other = encode(to_table("gather", [image(image_id_of(PICTURES[0]))]))
    corner.client.put_object(Bucket=corner.bucket, Key=corner.prefix + GATHER, Body=other, Metadata=told)
    said = found(store)
    way_out = "its bytes are not those that were written; delete it and run its stage again."
    assert f"{store.address(GATHER)}: {way_out}" in said


def test_every_problem_is_told_not_only_the_first(store: Store) -> None:
    store.put(image_key(PICTURES[0]), b"rubbish")
    store.delete(image_key(PICTURES[1]))
    store.put(table_key("filter", KEY), b"rubbish")
    store.put(f"labels/filter/{KEY}.superseded.parquet", b"rubbish")
    assert len(found(store)) == 4


@pytest.mark.usefixtures("impatient")
def test_faults_on_the_way_are_no_problems(corner: Corner, proxy: FaultProxy) -> None:
    filled(corner.store())
    proxy.on("GET", "list-type", slow_down(), 9)
    for part in (GATHER, image_key(PICTURES[0])):
        for fault, times in ((slow_down(), 9), (flip_download(), 1), (cut_download(), 3)):
            proxy.on("GET", part, fault, times)
    assert found(corner.store(proxy.url)) == []


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_away_is_an_error_and_not_a_whole_project(corner: Corner, proxy: FaultProxy) -> None:
    filled(corner.store())
    proxy.on("GET", "", slow_down(), None)
    with pytest.raises(StoreError, match="SlowDown"):
        found(corner.store(proxy.url))
