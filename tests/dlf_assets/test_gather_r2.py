"""Gather into a bucket: every image is there before its row is, and what was done stays when the way breaks."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pyarrow as pa
import pytest
from factory import KEY, Factory
from object_store.corner import Corner
from object_store.fault_proxy import FaultProxy
from object_store.faults import lose_answer, refuse, slow_down

from dlf_assets.cli.launch import _cause
from dlf_assets.pictures import picture_of
from dlf_assets.stage import STATUS_COLUMN
from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import store_of
from dlf_resources.stores.fragments import Fragments
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.r2 import R2Store
from dlf_resources.stores.stage_tables import StageTables, decode, table_key

pytest_plugins = ["object_store.fixtures"]
pytestmark = pytest.mark.usefixtures("impatient")

GATHER = table_key("gather", KEY)
PHOTOS = ("129054", "147498", "343706", "188465", "184324")


@pytest.fixture
def project(factory: Factory, corner: Corner, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Five photos, of which nothing is gathered yet; the way to its bucket leads through the proxy."""
    server = corner.server
    told = {"R2_ENDPOINT_URL": proxy.url, "R2_BUCKET": corner.bucket, "R2_ACCESS_KEY_ID": server.access_key}
    for name, value in (told | {"R2_SECRET_ACCESS_KEY": server.secret_key}).items():
        monkeypatch.setenv(name, value)
    factory.add(*PHOTOS)
    prefixes = f"{{raw_prefix: {corner.prefix}raw, labels_prefix: {corner.prefix}labels}}"
    return factory.project(store="r2", r2=prefixes)


def gather(factory: Factory) -> dict[str, int]:
    made: dict[str, int] = factory.run("gather").get("gathered_images", {})
    return made


def table(corner: Corner) -> pa.Table:
    return decode(corner.read(GATHER), "gather", GATHER)


def images(corner: Corner) -> set[str]:
    return {name for name in corner.objects() if name.startswith("raw/")}


def test_images_are_uploaded_first_and_the_table_last(
    factory: Factory, project: Project, corner: Corner, proxy: FaultProxy
) -> None:
    assert gather(factory)["computed"] == 5
    paths = table(corner)["path"].to_pylist()
    assert images(corner) == set(paths)
    order = [asked.path.partition(corner.prefix)[2] for asked in proxy.asked("PUT") if "labels/." not in asked.path]
    assert set(order[:5]) == set(paths)
    assert order[5:] == [GATHER]
    assert not (factory.workspace.data("p") / "raw").exists()


def test_many_images_are_uploaded_at_once(
    factory: Factory, project: Project, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(5, timeout=10)
    real = R2Store.placed

    def placed(store: R2Store, key: str) -> None:
        together.wait()
        real(store, key)

    monkeypatch.setattr(R2Store, "placed", placed)
    gather(factory)
    assert len(images(corner)) == 5


def test_a_second_gather_uploads_nothing_and_an_image_that_is_gone_comes_back(
    factory: Factory, project: Project, corner: Corner, proxy: FaultProxy
) -> None:
    gather(factory)
    before = {name: corner.read(name) for name in images(corner)}
    proxy.requests.clear()
    assert gather(factory)["computed"] == 0
    assert [asked.path for asked in proxy.asked("PUT") if ".locks" not in asked.path] == []
    gone, cut = sorted(images(corner))[:2]
    corner.remove(gone)
    corner.write(cut, b"half of it")
    assert gather(factory)["computed"] == 2
    assert {name: corner.read(name) for name in images(corner)} == before


def test_an_upload_that_fails_ends_the_run_with_a_sentence_and_what_was_uploaded_is_not_sent_again(
    factory: Factory, project: Project, corner: Corner, proxy: FaultProxy
) -> None:
    proxy.on("PUT", "/raw/", None, 3)
    late = replace(refuse(400, "InvalidRequest"), seconds=0.7)  # the three are done by then
    proxy.on("PUT", "/raw/", late, None)
    assert gather(factory) == {}
    assert _cause(factory.result)[0].endswith("InvalidRequest InvalidRequest; run it again.")
    assert GATHER not in corner.objects()
    done = Fragments(store_of(project), "gather", KEY).read()
    assert set(done["path"].to_pylist()) <= images(corner)
    assert len(images(corner)) == 3
    proxy.clear()
    proxy.requests.clear()
    made = gather(factory)
    assert made["computed"] + made["reused"] == 5
    assert made["reused"] == len(done) == 3
    assert len(proxy.asked("PUT", "/raw/")) == 2
    assert images(corner) == set(table(corner)["path"].to_pylist())


def test_no_row_is_kept_of_an_image_that_did_not_get_there(
    factory: Factory, project: Project, corner: Corner, proxy: FaultProxy
) -> None:
    proxy.on("PUT", "/raw/", slow_down(), None)
    assert gather(factory) == {}
    assert images(corner) == set()
    assert len(Fragments(store_of(project), "gather", KEY).read()) == 0


def test_the_tables_of_a_bucket_are_those_of_a_disk(
    factory: Factory, project: Project, corner: Corner, proxy: FaultProxy
) -> None:
    proxy.on("PUT", "", lose_answer(), 9)
    gather(factory)
    in_bucket = table(corner)
    factory.project(store="local")
    gather(factory)
    clocks = ["seconds", "fetched_at"]
    assert in_bucket.drop_columns(clocks).equals(factory.table("gather").drop_columns(clocks))


def test_dagsters_setting_chooses_the_store_too(factory: Factory, project: Project) -> None:
    folder = str(project.file.parent)
    assert store_of(ProjectsResource(folder=folder).named("p")).name == "r2"
    assert store_of(ProjectsResource(folder=folder, store="local").named("p")).name == "local"


# what later stages read


def test_an_image_that_is_gone_is_one_failed_image(corner: Corner) -> None:
    read = picture_of(corner.store(), {"path": "raw/positive/x/gone.jpg"}).pixels
    with pytest.raises(ImageRejected, match=r"is not there; .* `dlf gather` fetches it again\."):
        read(64)


def test_a_store_that_is_away_is_no_images_fault_and_ends_the_run(
    factory: Factory, project: Project, corner: Corner, proxy: FaultProxy
) -> None:
    """Else an outage of a minute leaves a data set without the images that were asked for in it."""
    gather(factory)
    for copy in (factory.workspace.data("p") / ".cache").rglob("*.jpg"):
        copy.unlink()
    proxy.on("GET", "/raw/", slow_down(), None)
    made = factory.run("filter")
    assert made == {}
    assert "SlowDown" in _cause(factory.result)[0]
    proxy.clear()
    assert factory.run("filter")["filtered_images"]["computed"] == 5
    verdicts = StageTables(store_of(project)).read("filter", KEY)
    assert verdicts is not None
    assert "ERROR" not in verdicts[STATUS_COLUMN["filter"]].to_pylist()


def test_a_disk_without_room_for_copies_is_one_sentence(factory: Factory, project: Project) -> None:
    LocalStore(factory.workspace.data("p")).put(".cache", b"a file where a folder should be")
    assert gather(factory) == {}
    assert re.search(r"cannot write .* set DLF_DATA_ROOT\.$", _cause(factory.result)[0])
