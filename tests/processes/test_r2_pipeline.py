"""The whole factory on a bucket: what comes out on a disk comes out there, on one machine and on two, faults or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store.fault_proxy import FaultProxy
from object_store.faults import (
    cut_download,
    cut_upload,
    flip_download,
    flip_upload,
    hang_up,
    internal_error,
    lose_answer,
    slow_down,
    stall,
    stall_download,
)
from object_store.machines import Bucket, Machine, local_machine
from object_store.seaweed import ObjectStore
from workspaces import ROOT

pytest_plugins = ["object_store.fixtures"]
pytestmark = [pytest.mark.processes, pytest.mark.waits]

SAMPLE = str(ROOT / "project_configs" / "sample.yaml")
"""At one path for all machines: an image of a folder is known by its path."""


@pytest.fixture
def bucket(object_server: ObjectStore) -> Bucket:
    return Bucket(object_server, object_server.bucket())


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The sample project, made without a bucket."""
    machine = local_machine(tmp_path_factory.mktemp("local") / "machine")
    pipeline(machine)
    return machine


@pytest.fixture
def way(object_server: ObjectStore) -> Iterator[FaultProxy]:
    with FaultProxy(object_server.endpoint_url) as running:
        yield running


def pipeline(machine: Machine) -> dict[str, Any]:
    done = machine.dlf("pipeline", "--project", SAMPLE, "--json", timeout=400)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["failures"] == {}
    return report


def computed(report: dict[str, Any]) -> int:
    rows = sum(numbers["computed"] for buckets in report["stages"].values() for numbers in buckets.values())
    return int(rows + report["dataset"]["computed"])


def data_set(machine: Machine) -> dict[str, bytes]:
    """Annotations and pictures as they lie on the machine's disk."""
    folder = machine.data("sample") / "dataset"
    files = [file for name in ("coco", "yolo") for file in (folder / name).rglob("*") if file.is_file()]
    told = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files if file.suffix != ".yaml"}
    assert len(told) > 16
    return told


def whole(machine: Machine) -> bool:
    done = machine.dlf("store", "verify", "--project", SAMPLE)
    return done.returncode == 0 and done.stdout.startswith("everything is whole in r2://")


def test_the_sample_comes_out_of_a_bucket_as_it_does_of_a_disk_and_on_the_next_machine_at_once(
    tmp_path: Path, bucket: Bucket, on_disk: Machine
) -> None:
    first = bucket.machine(tmp_path / "first")
    assert computed(pipeline(first)) > 0
    assert bucket.tables() == on_disk.tables("sample")
    assert len(bucket.tables()) == 15
    assert data_set(first) == data_set(on_disk)
    assert not (first.data("sample") / "raw").exists()
    assert first.tables("sample") == {}
    assert whole(first)
    before = bucket.objects()

    assert computed(pipeline(first)) == 0

    second = bucket.machine(tmp_path / "second")
    report = pipeline(second)
    assert computed(report) == report["dataset"]["images"]
    assert data_set(second) == data_set(on_disk)
    assert bucket.objects() == before
    assert not [key for key in before if ".locks" in key]


def test_a_project_that_is_pushed_goes_on_in_the_bucket_and_one_that_is_pulled_on_the_disk(
    tmp_path: Path, bucket: Bucket, on_disk: Machine
) -> None:
    there = bucket.machine(tmp_path / "there")
    told = there.told | {"DLF_DATA_ROOT": str(on_disk.root / "data")}
    assert Machine(there.root, told).dlf("store", "push", "--project", SAMPLE).returncode == 0
    assert whole(there)
    report = pipeline(there)
    assert computed(report) == report["dataset"]["images"]
    assert bucket.tables() == on_disk.tables("sample")

    here = Machine(there.root, there.told | {"DLF_STORE": "local", "DLF_DATA_ROOT": str(tmp_path / "pulled")})
    assert here.dlf("store", "pull", "--project", SAMPLE).returncode == 0
    report = pipeline(here)
    assert computed(report) == report["dataset"]["images"]
    assert here.dlf("store", "verify", "--project", SAMPLE).returncode == 0


def test_a_pipeline_through_many_faults_makes_the_same_tables(
    tmp_path: Path, bucket: Bucket, on_disk: Machine, way: FaultProxy
) -> None:
    machine = bucket.machine(tmp_path / "machine", way.url)
    rules = [
        way.on("PUT", "raw/", slow_down(), 7),
        way.on("PUT", "raw/", cut_upload(), 3),
        way.on("PUT", "raw/", stall(20)),
        way.on("PUT", "raw/", flip_upload()),
        way.on("PUT", "labels/gather", lose_answer(), 2),
        way.on("PUT", "labels/filter", cut_upload(0.9), 5),
        way.on("PUT", "labels/label", internal_error(), 5),
        way.on("PUT", "labels/.locks", lose_answer(), 3),
        way.on("PUT", "labels/splits.json", hang_up(), 5),
        way.on("GET", "list-type=2", slow_down(), 5),
        way.on("GET", "list-type=2", cut_download(), 2),
        way.on("GET", "labels/gather", cut_download(), 2),
        way.on("GET", "labels/filter", flip_download()),
        way.on("GET", "labels/verify", stall_download(3)),
        way.on("HEAD", "labels/", hang_up(), 5),
        way.on("DELETE", "labels/.locks", lose_answer(), 2),
    ]
    pipeline(machine)
    assert [(rule.method, rule.part, rule.used) for rule in rules if rule.times != 0] == []
    assert bucket.tables() == on_disk.tables("sample")
    assert data_set(machine) == data_set(on_disk)
    assert whole(machine)
    assert computed(pipeline(machine)) == 0

    # on a machine that has no copy yet, also the images come through the faults
    other = bucket.machine(tmp_path / "other", way.url)
    rules = [
        way.on("GET", "raw/", slow_down(), 5),
        way.on("GET", "raw/", cut_download(), 5),
        way.on("GET", "raw/", flip_download()),
        way.on("GET", "raw/", stall(20)),
    ]
    pipeline(other)
    assert [rule.part for rule in rules if rule.times != 0] == []
    assert data_set(other) == data_set(on_disk)
