"""A week of schedules by a clock that the test turns: each due tick comes once, over restarts and summer time."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._scheduler.scheduler import launch_scheduled_runs
from workspaces import TestWorkspace

pytestmark = pytest.mark.processes

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = dt.datetime(2026, 3, 26, 12, 10, tzinfo=dt.UTC)  # clocks go forward on the 29th, from 02:00 to 03:00
END = BEGIN + dt.timedelta(days=7)
STEP = dt.timedelta(minutes=20)
# The daemon is away from the first to the second time, and others start with the second.
RESTARTS = [
    (dt.datetime(2026, 3, 28, 23, 15, tzinfo=dt.UTC), dt.datetime(2026, 3, 29, 2, 45, tzinfo=dt.UTC)),
    (dt.datetime(2026, 3, 31, 8, 5, tzinfo=dt.UTC), dt.datetime(2026, 3, 31, 8, 5, tzinfo=dt.UTC)),
]


@contextmanager
def daemon(home: Path) -> Iterator[WorkspaceProcessContext]:
    """A scheduler of its own on the instance in a folder."""
    target = ModuleTarget(
        module_name="dlf_assets.definitions",
        attribute=None,
        working_directory=str(home),
        location_name="data-label-factory",
    )
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        create_test_daemon_workspace_context(target, instance) as context,
    ):
        yield context


def expected() -> dict[str, list[dt.datetime]]:
    """When each schedule is due, by arithmetic of our own."""
    hours = [BEGIN.replace(minute=0) + dt.timedelta(hours=number) for number in range(1, 7 * 24 + 1)]
    nights = []
    for day in range(27, 27 + 7):
        date = dt.date(2026, 3, 1) + dt.timedelta(days=day - 1)
        # What falls into the hour that is left out is due when it is over.
        wall = dt.time(3, 0) if date == dt.date(2026, 3, 29) else dt.time(2, 30)
        nights.append(dt.datetime.combine(date, wall, BERLIN).astimezone(dt.UTC))
    return {"relabel_hourly": made_up(hours), "relabel_nightly": made_up(nights)}


def made_up(ticks: list[dt.datetime]) -> list[dt.datetime]:
    """Of those that were due while nobody was there only the last: one look at what is new does for all."""
    for away, back in RESTARTS:
        missed = [tick for tick in ticks if away < tick <= back]
        ticks = [tick for tick in ticks if tick not in missed[:-1]]
    return ticks


def test_every_due_tick_comes_once(workspace: TestWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "photos").mkdir()
    bucket = {"positive/x": tmp_path / "photos"}
    workspace.write_project("hourly", bucket, schedule='"0 * * * *"')
    workspace.write_project("nightly", bucket, schedule="{cron: '30 2 * * *', timezone: Europe/Berlin}")
    home = workspace.root / "dagster_home"
    logger = logging.getLogger("schedules")

    with ExitStack() as stack:
        context = stack.enter_context(daemon(home))
        now, restarts, times = BEGIN, list(RESTARTS), {}
        while now <= END:
            with freeze_time(now):
                for _ in launch_scheduled_runs(context, logger, now, times):
                    pass
                # Each run ends before the next tick, which it would hold up.
                for run in context.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])):
                    context.instance.report_run_canceled(run)
            now += STEP
            if restarts and now >= restarts[0][0]:
                now = max(now, restarts.pop(0)[1])
                stack.close()
                context, times = stack.enter_context(daemon(home)), {}
        runs = context.instance.get_runs()
        found: dict[str, Counter[dt.datetime]] = {}
        for run in runs:
            tick = dt.datetime.fromisoformat(run.tags["dagster/run_key"].rpartition(":")[0]).astimezone(dt.UTC)
            found.setdefault(run.tags["dagster/schedule_name"], Counter())[tick] += 1
            assert run.tags["dlf/project"] == run.tags["dagster/partition"].split("__")[0]
    due = expected()
    assert set(found) == set(due)
    for name, ticks in due.items():
        assert found[name] == Counter(tick for tick in ticks if tick <= END), name
