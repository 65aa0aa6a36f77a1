"""Locks between machines: one holds it, the others wait or are told who; whoever dies loses it after a while."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from object_store.corner import Corner
from object_store.fault_proxy import FaultProxy
from object_store.faults import Fault, conflict, hang_up, lose_answer, precondition_failed, refuse, slow_down

from dlf_core.errors import PartitionBusy, StoreError
from dlf_resources.stores import leases
from dlf_resources.stores.r2 import R2Store
from dlf_resources.stores.s3_objects import ObjectInfo, Objects

pytest_plugins = ["object_store.fixtures"]

NAME = "gather__tiny__positive.x"
LEASE = f"labels/.locks/{NAME}.json"
HOLD = f"""
import json, sys, time
from pathlib import Path
from dlf_resources.stores.r2 import R2Store
from dlf_resources.stores.r2_settings import R2Settings

store = R2Store(Path(sys.argv[1]), R2Settings(**json.loads(sys.argv[2])), "tiny")
with store.lock({NAME!r}, wait_seconds=0, purpose="gather"):
    print("held", flush=True)
    time.sleep(60)
"""

GrowOld = Callable[[], None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(leases, "_ASK_SECONDS", 0.05)


@pytest.fixture
def no_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holders that have stopped: asleep, cut off from the network, dead."""
    monkeypatch.setattr(leases, "RENEW_SECONDS", 600.0)


@pytest.fixture
def grow_old(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> GrowOld:
    """Makes the lease, as it lies there now, 61 seconds older."""
    old: set[str] = set()
    real = Objects.head

    def head(objects: Objects, key: str) -> ObjectInfo | None:
        info = real(objects, key)
        aged = info is not None and info.etag in old
        return replace(info, modified=info.modified - timedelta(seconds=61)) if info and aged else info

    monkeypatch.setattr(Objects, "head", head)
    return lambda: old.add(corner.head(LEASE)["ETag"].strip('"'))


def lock(store: R2Store, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
    return store.lock(NAME, wait_seconds=wait_seconds, purpose="gather of bucket 'positive/x'")


DEAD = b'{"host": "elsewhere", "pid": 4711, "id": "1"}'


def left_by_a_dead_process(corner: Corner) -> None:
    corner.write(LEASE, DEAD)


def test_of_two_machines_one_has_it(corner: Corner) -> None:
    one, two = corner.store(), corner.store()
    with lock(one):
        with pytest.raises(PartitionBusy):
            lock(two).__enter__()
        with two.lock("filter__tiny__positive.x", wait_seconds=0, purpose="another"):
            pass
    with lock(two):
        pass
    assert LEASE not in corner.objects()


def test_who_has_waited_long_enough_is_told_by_whom_and_what_to_do(corner: Corner) -> None:
    one, two = corner.store(), corner.store()
    with lock(one):
        began = time.monotonic()
        with pytest.raises(PartitionBusy) as caught:
            lock(two, 0.5).__enter__()
        assert 0.5 <= time.monotonic() - began < 2
    said = str(caught.value)
    who = f"process {os.getpid()} on {socket.gethostname()}"
    assert said.startswith(
        f"gather of bucket 'positive/x' is being done by {who}; waited 0 s. Let it finish or stop it"
    )
    assert said.endswith(".")


def test_who_waits_gets_it_when_it_is_given_back(corner: Corner) -> None:
    one, two = corner.store(), corner.store()
    waited: list[float] = []

    def wait() -> None:
        began = time.monotonic()
        with lock(two, 10):
            waited.append(time.monotonic() - began)

    waiter = threading.Thread(target=wait)
    with lock(one):
        waiter.start()
        time.sleep(0.4)
        assert waited == []
    waiter.join()
    assert 0.3 < waited[0] < 3


def test_as_long_as_it_is_renewed_nobody_takes_it(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 2.5)  # the store's clock tells whole seconds
    with lock(corner.store()):
        seen = corner.head(LEASE)["ETag"]
        with pytest.raises(PartitionBusy):
            lock(corner.store(), 3.8).__enter__()
        assert corner.head(LEASE)["ETag"] != seen


@pytest.mark.usefixtures("no_renewal")
def test_one_that_is_not_renewed_is_taken_over_after_a_minute_and_not_before(corner: Corner, grow_old: GrowOld) -> None:
    one, two = corner.store(), corner.store()
    with lock(one):
        with pytest.raises(PartitionBusy):
            lock(two, 0.5).__enter__()
        grow_old()
        with lock(two):
            pass


@pytest.mark.usefixtures("no_renewal")
def test_a_holder_that_lost_it_does_not_take_it_from_the_next(corner: Corner, grow_old: GrowOld) -> None:
    one, two, three = corner.store(), corner.store(), corner.store()
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(lock(one))
    grow_old()
    second.enter_context(lock(two))
    taken = corner.read(LEASE)
    first.close()
    assert corner.read(LEASE) == taken
    with pytest.raises(PartitionBusy):
        lock(three).__enter__()
    second.close()
    assert LEASE not in corner.objects()


def test_a_holder_that_was_away_too_long_renews_nothing(corner: Corner) -> None:
    with lock(corner.store()):
        corner.write(LEASE, b'{"host": "other", "pid": 1}')
        time.sleep(0.4)
        assert corner.read(LEASE) == b'{"host": "other", "pid": 1}'
    assert corner.read(LEASE) == b'{"host": "other", "pid": 1}'


def test_of_many_who_take_over_a_dead_ones_lease_one_has_it_at_a_time(corner: Corner, grow_old: GrowOld) -> None:
    stores = [corner.store() for _ in range(6)]
    left_by_a_dead_process(corner)
    grow_old()
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with lock(stores[number], 20):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.05)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


@pytest.mark.usefixtures("impatient")
def test_a_lease_that_went_just_when_it_was_to_be_taken_over_is_taken_anew(
    corner: Corner, proxy: FaultProxy, grow_old: GrowOld
) -> None:
    left_by_a_dead_process(corner)
    grow_old()
    proxy.on("PUT", ".locks", precondition_failed())
    proxy.on("PUT", ".locks", refuse(404, "NoSuchKey"))
    with lock(corner.store(proxy.url), 5):
        assert len(proxy.asked("PUT", ".locks")) >= 3
        assert corner.read(LEASE) != DEAD


def test_a_process_that_was_killed_on_this_machine_keeps_nobody_waiting(corner: Corner) -> None:
    """The lock file says that it is dead: whoever runs the same command again must not wait for a minute."""
    root = corner.folder / "here"
    command = [sys.executable, "-c", HOLD, str(root), json.dumps(asdict(corner.settings()))]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(leases.__file__).parents[2])
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(PartitionBusy, match=f"by process {holder.pid} on "):
        lock(corner.store()).__enter__()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert LEASE in corner.objects()
    with lock(corner.store(root=root), 1), pytest.raises(PartitionBusy, match=f"by process {os.getpid()} on "):
        lock(corner.store()).__enter__()
    assert LEASE not in corner.objects()


def test_a_copy_of_the_data_on_another_machine_does_not_take_it_from_the_first(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their lock files are two, and neither says anything of the other's."""
    here, there = corner.folder / "here", corner.folder / "there"
    with lock(corner.store(root=here)):
        shutil.copytree(here, there)
        monkeypatch.setattr(socket, "gethostname", lambda: "another")
        with pytest.raises(PartitionBusy):
            lock(corner.store(root=there)).__enter__()


# the way to the store


@pytest.mark.usefixtures("impatient")
def test_a_renewal_of_which_no_answer_came_is_a_renewal(corner: Corner, proxy: FaultProxy) -> None:
    with lock(corner.store(proxy.url)):
        proxy.on("PUT", ".locks", lose_answer())
        rule = proxy.on("PUT", ".locks", hang_up(), 15)  # all tries that there are
        end = time.monotonic() + 10
        while rule.used < 15:
            assert time.monotonic() < end
            time.sleep(0.05)
        before = corner.head(LEASE)["ETag"]
        while corner.head(LEASE)["ETag"] == before:
            assert time.monotonic() < end, "it has given up"
            time.sleep(0.05)
    assert LEASE not in corner.objects()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "times"), [(hang_up(), 20), (slow_down(), 20), (conflict(), 3), (precondition_failed(), 3)]
)
def test_a_renewal_that_fails_is_tried_again(corner: Corner, proxy: FaultProxy, fault: Fault, times: int) -> None:
    with lock(corner.store(proxy.url)):
        rule = proxy.on("PUT", ".locks", fault, times)
        before = corner.head(LEASE)["ETag"]
        end = time.monotonic() + 10
        while corner.head(LEASE)["ETag"] == before:
            assert time.monotonic() < end, "it has given up"
            time.sleep(0.05)
        assert rule.used == times
    assert LEASE not in corner.objects()


@pytest.mark.usefixtures("impatient")
def test_a_machine_that_lost_its_network_ends_without_an_error_of_the_lock(
    corner: Corner, proxy: FaultProxy, grow_old: GrowOld
) -> None:
    with lock(corner.store(proxy.url)):
        proxy.on("*", "", hang_up(), None)
    assert LEASE in corner.objects()
    grow_old()
    with lock(corner.store()):
        pass


def test_an_error_inside_gives_it_back_and_comes_out_as_it_is(corner: Corner) -> None:
    store = corner.store()
    with pytest.raises(FileNotFoundError), lock(store):
        raise FileNotFoundError("mine")
    assert LEASE not in corner.objects()
    with lock(store):
        pass


@pytest.mark.usefixtures("impatient")
def test_without_a_store_to_ask_there_is_no_lock(corner: Corner) -> None:
    with pytest.raises(StoreError, match="nobody answers there"), lock(corner.store("http://127.0.0.1:9")):
        pass


def test_a_lease_that_says_nothing_of_its_holder_is_one_all_the_same(corner: Corner) -> None:
    for content in (b"", b"{half", b"[]", b"\xff\xfe", b'{"pid": 1}'):
        corner.write(LEASE, content)
        with pytest.raises(PartitionBusy, match="is being done by another process; waited 0 s"):
            lock(corner.store()).__enter__()


def test_what_is_left_of_a_lock_is_in_no_list(corner: Corner) -> None:
    store = corner.store()
    with lock(store):
        assert list(store.list("labels")) == []
        assert store.shared_sizes("labels") == {}
