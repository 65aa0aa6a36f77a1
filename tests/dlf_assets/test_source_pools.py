"""A pool a source: one run at a time asks it, and nobody holds it longer than that."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from model_servers.loopback import slow, status
from web_project import SERVICES, WebFactory, WebOfThree, leading_to, write_web_project
from web_servers import duckduckgo, openverse, wikimedia
from workspaces import TestWorkspace

from dlf_assets import source_pools
from dlf_assets.dead_runs import PROCESS_TAG, end_dead_runs
from dlf_assets.source_pools import SourcePools, pool_of

ONE_SLOT = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}
PATHS = {"openverse": openverse.IMAGES, "wikimedia": wikimedia.API, "duckduckgo": duckduckgo.I_JS}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlf_resources.web.hosts.FIRST_PAUSE", 0.01)
    monkeypatch.setattr(source_pools, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(source_pools, "_PATIENCE_SECONDS", 30.0)  # whoever waits in vain does not hang the tests


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path_factory.mktemp("dagster")
    with dg.DagsterInstance.local_temp(str(folder), overrides=ONE_SLOT) as instance:
        yield instance


@pytest.fixture
def web() -> Iterator[WebOfThree]:
    with WebOfThree() as web:
        web.openverse.rows = web.openverse_rows(0, 1)
        web.wikimedia.rows = web.wikimedia_rows(100, 101)
        web.duckduckgo.rows = web.duckduckgo_rows(200, 201)
        yield web


@pytest.fixture
def factory(
    workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, web: WebOfThree, instance: dg.DagsterInstance
) -> WebFactory:
    for name, value in (workspace.env | web.env).items():
        monkeypatch.setenv(name, value)
    return WebFactory(workspace, instance, web)


def holders(instance: dg.DagsterInstance, source: str) -> set[str]:
    """Runs that hold a slot of a source's pool."""
    found = instance.event_log_storage.get_concurrency_info(pool_of(source))
    return {slot.run_id for slot in found.claimed_slots}


def waiting(instance: dg.DagsterInstance, source: str) -> int:
    pending = instance.event_log_storage.get_concurrency_info(pool_of(source)).pending_steps
    return sum(step.assigned_timestamp is None for step in pending)


def pools(instance: dg.DagsterInstance, run_id: str, told: list[str] | None = None) -> SourcePools:
    context: Any = SimpleNamespace(instance=instance, run=SimpleNamespace(run_id=run_id))
    return SourcePools(context, (told if told is not None else []).append)


def test_every_service_is_asked_within_its_pool_which_is_free_afterwards(
    factory: WebFactory, web: WebOfThree, instance: dg.DagsterInstance
) -> None:
    seen: dict[str, set[str]] = {}
    for name, path in PATHS.items():

        def looks(request: object, good: Any, name: str = name) -> Any:
            seen[name] = holders(instance, name)
            return good

        getattr(web, name).always(path, looks)
    factory.project()
    factory.gather()
    run_id = factory.result.run_id
    assert seen == {name: {run_id} for name in SERVICES}
    assert {name: holders(instance, name) for name in SERVICES} == {name: set() for name in SERVICES}


def test_a_pool_is_free_after_the_search_and_not_only_after_the_downloads(
    factory: WebFactory, web: WebOfThree, instance: dg.DagsterInstance
) -> None:
    seen: list[set[str]] = []

    def looks(request: object, good: Any) -> Any:
        seen.extend(holders(instance, name) for name in SERVICES)
        return good

    web.photos.always("/0.jpg", looks)
    factory.project()
    factory.gather()
    assert seen == [set()] * 3


@pytest.mark.parametrize("name", SERVICES)
def test_a_pool_is_free_after_a_search_that_failed(
    factory: WebFactory, web: WebOfThree, instance: dg.DagsterInstance, name: str
) -> None:
    getattr(web, name).always(PATHS[name], status(500))
    factory.project()
    factory.gather()
    assert holders(instance, name) == set()
    assert waiting(instance, name) == 0


def test_a_pool_is_free_after_a_block_that_raised(instance: dg.DagsterInstance) -> None:
    def broken() -> None:
        with pools(instance, "one")("openverse"):
            assert holders(instance, "openverse") == {"one"}
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken()
    assert holders(instance, "openverse") == set()


def test_nobody_waits_for_a_source_that_nobody_asks(
    factory: WebFactory, web: WebOfThree, instance: dg.DagsterInstance
) -> None:
    with pools(instance, "other")("openverse"):
        factory.project(sources="[wikimedia]")
        factory.gather()
        assert factory.result.success
        assert holders(instance, "openverse") == {"other"}


def test_a_second_run_waits_until_the_first_has_asked(
    factory: WebFactory, web: WebOfThree, instance: dg.DagsterInstance
) -> None:
    told: list[str] = []
    factory.project(sources="[openverse]")
    other = threading.Thread(target=factory.gather, daemon=True)
    with pools(instance, "first")("openverse"):
        other.start()
        until(lambda: waiting(instance, "openverse") == 1)
        time.sleep(0.3)
        assert web.openverse.requests == []
        assert holders(instance, "openverse") == {"first"}
    other.join(20)
    assert web.openverse.requests
    assert len(factory.rows()) == 2
    assert told == []


def test_waiting_is_told_once_and_with_the_name_of_the_pool(instance: dg.DagsterInstance) -> None:
    told: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with pools(instance, "second", told)("wikimedia"):
            entered.set()

    thread = threading.Thread(target=second, daemon=True)
    with pools(instance, "first")("wikimedia"):
        thread.start()
        until(lambda: waiting(instance, "wikimedia") == 1)
        assert not entered.wait(0.3)
    thread.join(20)
    assert entered.is_set()
    assert len(told) == 1
    assert "search_wikimedia" in told[0]
    assert holders(instance, "wikimedia") == set()


def test_whoever_has_waited_long_enough_goes_on_and_leaves_nothing_behind(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_pools, "_PATIENCE_SECONDS", 0.2)
    with pools(instance, "first")("wikimedia"):
        with pools(instance, "second")("wikimedia"):
            assert holders(instance, "wikimedia") == {"first"}
        assert holders(instance, "wikimedia") == {"first"}
        assert waiting(instance, "wikimedia") == 0


def test_one_source_holds_up_no_other(instance: dg.DagsterInstance) -> None:
    with pools(instance, "one")("wikimedia"), pools(instance, "two")("openverse"):
        assert holders(instance, "openverse") == {"two"}
    assert holders(instance, "openverse") == set()


def test_a_limit_that_somebody_set_holds(instance: dg.DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots(pool_of("wikimedia"), 2)
    with pools(instance, "one")("wikimedia"), pools(instance, "two")("wikimedia"):
        assert holders(instance, "wikimedia") == {"one", "two"}


def test_the_slot_of_a_run_whose_process_died_is_free_again(instance: dg.DagsterInstance) -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    run = instance.create_run_for_job(dead_job, tags={})
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{os.uname().nodename}:{gone}:1:{run.run_id}"})
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default(pool_of("openverse"))
    storage.claim_concurrency_slot(pool_of("openverse"), run.run_id, "gathered_images.search_openverse")
    assert holders(instance, "openverse") == {run.run_id}
    assert end_dead_runs(instance) == [run.run_id]
    assert holders(instance, "openverse") == set()


@dg.job
def dead_job() -> None:
    pass


def until(holds: Any, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.processes
def test_a_gather_killed_while_it_searches_holds_up_no_later_one(workspace: TestWorkspace, web: WebOfThree) -> None:
    write_web_project(workspace, sources="[openverse]")
    led = leading_to(workspace, web)
    web.openverse.always(openverse.IMAGES, slow(60))
    command = [sys.executable, "-m", "dlf_assets.cli.main", "gather", "--project", "p"]
    process = subprocess.Popen(command, cwd=led.root, env=led.env, stderr=subprocess.PIPE)
    until(lambda: web.openverse.requests, 60)
    process.kill()
    process.communicate()
    web.openverse.always(openverse.IMAGES, None)
    began = time.monotonic()
    done = led.dlf("gather", "--project", "p")
    assert done.returncode == 0, done.stderr
    assert "waiting" not in done.stderr
    assert time.monotonic() - began < 40


def test_an_instance_without_a_default_limit_lets_everybody_in(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        began = time.monotonic()
        with pools(instance, "first")("openverse"), pools(instance, "second")("openverse"):
            assert pool_of("openverse") not in instance.event_log_storage.get_concurrency_keys()
        assert time.monotonic() - began < 5


def test_who_waits_goes_on_at_once_when_the_run_ends(instance: dg.DagsterInstance) -> None:
    with pools(instance, "first")("openverse"):
        second = pools(instance, "second")
        threading.Timer(0.3, second.stop).start()
        began = time.monotonic()
        with second("openverse"):
            assert time.monotonic() - began < 5
    assert holders(instance, "openverse") == set()
