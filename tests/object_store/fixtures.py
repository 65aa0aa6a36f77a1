"""Fixtures around the object store. A test module that wants them says `pytest_plugins = ["object_store.fixtures"]`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.retries.quota import RetryQuota

from dlf_resources.stores import s3_objects
from object_store.corner import Corner
from object_store.fault_proxy import FaultProxy
from object_store.seaweed import ObjectStore
from object_store.shared import shared_seaweed


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with shared_seaweed(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="session")
def shared_bucket(object_server: ObjectStore) -> str:
    return object_server.bucket()


@pytest.fixture(scope="session")
def object_client(object_server: ObjectStore) -> Any:
    plain = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    return object_server.client(**plain)


@pytest.fixture
def corner(object_server: ObjectStore, object_client: Any, shared_bucket: str, tmp_path: Path) -> Corner:
    return Corner(object_server, object_client, shared_bucket, f"{uuid.uuid4().hex[:12]}/", tmp_path)


@pytest.fixture(scope="session")
def _proxy(object_server: ObjectStore) -> Iterator[FaultProxy]:
    with FaultProxy(object_server.endpoint_url) as running:
        yield running


@pytest.fixture
def proxy(_proxy: FaultProxy) -> FaultProxy:
    """The way to the store, without faults yet."""
    _proxy.clear()
    _proxy.requests.clear()
    return _proxy


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits between two tries, or tries less often because of what the test before met; the waits."""
    waits: list[float] = []
    for module in ("botocore.endpoint", "tenacity.nap"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(RetryQuota, "acquire", lambda *_: True)
    monkeypatch.setattr(s3_objects, "PATIENCE_SECONDS", 0.0, raising=False)
    return waits


@pytest.fixture
def reads_within(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Stores that are made from now on wait so many seconds for an answer."""

    def set_seconds(seconds: float) -> None:
        monkeypatch.setattr(s3_objects, "READ_SECONDS", seconds)
        s3_objects._client.cache_clear()

    yield set_seconds
    s3_objects._client.cache_clear()
