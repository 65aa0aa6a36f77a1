"""A store that is away for a moment, while many write to it: they wait, and all of it gets there."""

from __future__ import annotations

import threading
import time

import pytest
from object_store.corner import Corner
from object_store.fault_proxy import FaultProxy
from object_store.faults import Fault, hang_up, slow_down

from dlf_core.errors import StoreError
from dlf_resources.stores import s3_objects

pytest_plugins = ["object_store.fixtures"]

AT_ONCE = 16
"""As gather and `dlf store push` have it."""
EACH = 3


@pytest.mark.parametrize("fault", [slow_down(), hang_up()])
def test_an_outage_of_two_seconds_costs_no_upload(corner: Corner, proxy: FaultProxy, fault: Fault) -> None:
    s3_objects._client.cache_clear()  # one that has not met the faults of other tests
    store = corner.store(proxy.url)
    store.put("labels/splits.json", b"{}")
    proxy.on("PUT", "/raw/", fault, None)
    away = threading.Timer(2.0, proxy.clear)
    failed: list[StoreError] = []

    def upload(number: int) -> None:
        for turn in range(EACH):
            try:
                store.put(f"raw/positive/x/{number}-{turn}.jpg", b"x")
            except StoreError as error:
                failed.append(error)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(AT_ONCE)]
    away.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(store.list("raw"))) == AT_ONCE * EACH


def test_a_store_that_has_never_answered_is_not_waited_for(corner: Corner) -> None:
    began = time.monotonic()
    with pytest.raises(StoreError, match="nobody answers there"):
        corner.store("http://127.0.0.1:9").size("labels/splits.json")
    assert time.monotonic() - began < 15
