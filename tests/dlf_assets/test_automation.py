"""Schedules from the YAMLs, and the end of runs whose process died."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import uuid
from collections.abc import Callable

import dagster as dg
from factory import KEY, Factory
from workspaces import TestWorkspace

from dlf_assets.automation.datasets import reviewed_projects
from dlf_assets.automation.decisions import human_decisions
from dlf_assets.automation.jobs import jobs
from dlf_assets.automation.of_projects import of_projects
from dlf_assets.dead_runs import PROCESS_TAG, end_dead_runs, process_tag
from dlf_assets.definitions import assets, defs
from dlf_assets.pools import POOLS, give_limits
from dlf_core.project import Project
from dlf_core.sections import Schedule
from dlf_resources.dagster_resources import ProjectsResource


def test_every_project_with_a_schedule_has_one_of_its_own(workspace: TestWorkspace) -> None:
    made = {"a-b": '"0 3 * * *"', "a_b": "{cron: '*/5 * * * *', timezone: Europe/Berlin}", "ü": "'@daily'"}
    files = [workspace.write_project(name, {"x": "y"}, schedule=said) for name, said in made.items()]
    files.append(workspace.write_project("none", {"x": "y"}))
    made_of = of_projects([Project.load(file) for file in files])
    assert made_of.problems == []
    schedules = {schedule.name: schedule for schedule in made_of.schedules}
    assert set(schedules) == {"relabel_a_b", "relabel_a_b_2", "relabel_ufc"}
    assert schedules["relabel_a_b_2"].cron_schedule == "*/5 * * * *"
    assert schedules["relabel_a_b_2"].execution_timezone == "Europe/Berlin"
    assert all(s.default_status is dg.DefaultScheduleStatus.RUNNING for s in schedules.values())


def test_a_tick_asks_for_every_bucket_of_its_project_as_the_yaml_is_now(factory: Factory) -> None:
    project = factory.project(schedule='"0 3 * * *"')
    (schedule,) = of_projects([project]).schedules
    folders = {"positive/x": factory.photos, "positive/new": factory.photos}
    factory.workspace.write_project("p", folders, schedule='"0 3 * * *"')
    code_location = dg.Definitions(jobs=jobs, schedules=[schedule], assets=assets, resources=defs.resources)
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            repository_def=code_location.get_repository_def(),
            scheduled_execution_time=dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC),
        )
        requests = schedule.evaluate_tick(context).run_requests or []
        assert [request.partition_key for request in requests] == [KEY, "p__positive.new"]
        assert instance.get_dynamic_partitions("project_bucket") == [KEY, "p__positive.new"]


def test_a_run_whose_process_died_is_ended_and_others_are_left_alone() -> None:
    def dead_tag(run_id: str) -> str:
        code = f"from dlf_assets.dead_runs import process_tag; print(process_tag({run_id!r}))"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    tags: dict[str, Callable[[str], str] | None] = {
        "dead": dead_tag,
        "alive": process_tag,
        "on another machine": lambda run_id: f"elsewhere:1:2:{run_id}",
        "executed again in the UI": lambda run_id: dead_tag("the run it was copied from"),
        "not of the CLI": None,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        for name, tag in tags.items():
            run_id = str(uuid.uuid4())
            given = {"name": name} | ({PROCESS_TAG: tag(run_id)} if tag else {})
            run = instance.create_run_for_job(_job(), run_id=run_id, tags=given)
            instance.handle_new_event(_started(run))
        assert len(end_dead_runs(instance)) == 1
        statuses = {run.tags["name"]: run.status for run in instance.get_runs()}
        assert statuses.pop("dead") is dg.DagsterRunStatus.FAILURE
        assert set(statuses.values()) == {dg.DagsterRunStatus.STARTED}


@dg.op
def _nothing() -> None: ...


def _job(name: str = "empty") -> dg.JobDefinition:
    @dg.job(name=name)
    def empty() -> None:
        _nothing()

    return empty


def _started(run: dg.DagsterRun) -> dg.EventLogEntry:
    return _event(run, dg.DagsterEventType.RUN_START)


def _event(run: dg.DagsterRun, kind: dg.DagsterEventType) -> dg.EventLogEntry:
    import logging
    import time

    event = dg.DagsterEvent(kind.value, run.job_name)
    return dg.EventLogEntry(
        error_info=None,
        level=logging.DEBUG,
        user_message="",
        run_id=run.run_id,
        timestamp=time.time(),
        job_name=run.job_name,
        dagster_event=event,
    )


def test_a_project_is_made_into_a_data_set_once_its_own_runs_are_done(workspace: TestWorkspace) -> None:
    """Reviews come in while runs are under way; each project waits for its own runs only."""
    with dg.instance_for_test() as instance:
        cursor: str | None = None

        def look() -> list[str]:
            nonlocal cursor
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            result = reviewed_projects(context)
            assert isinstance(result, dg.SensorResult)
            cursor = result.cursor
            return [str(request.partition_key) for request in result.run_requests or []]

        def reviewed(key: str) -> None:
            instance.report_runless_asset_event(dg.AssetMaterialization("reviewed_boxes", partition=key))

        assert look() == []
        reviewed("a__x")
        reviewed("b__x")
        busy = instance.create_run_for_job(_job(), tags={"dagster/partition": "a__y"})
        assert look() == ["b"]
        assert look() == []
        instance.handle_new_event(_event(busy, dg.DagsterEventType.RUN_SUCCESS))
        assert look() == ["a"]
        reviewed("a__y")
        under_way = instance.create_run_for_job(_job("dataset_of_project"), tags={"dagster/partition": "a"})
        assert look() == [], "a data set that is being made may lack the new bucket: it is made again afterwards"
        instance.handle_new_event(_event(under_way, dg.DagsterEventType.RUN_SUCCESS))
        # materialised after the review, by a run that is not known to have begun after it
        instance.report_runless_asset_event(dg.AssetMaterialization("dataset", partition="a"))
        assert look() == ["a"]


def test_new_decisions_of_people_are_reviewed_once(factory: Factory) -> None:
    factory.add("188465")
    factory.project()
    factory.run()
    file = factory.workspace.data("p") / "labels" / "reviews.json"
    cursor: str | None = None

    def look() -> list[str]:
        nonlocal cursor
        context = dg.build_sensor_context(instance=factory.instance, cursor=cursor)
        result = human_decisions(context, projects=ProjectsResource())
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        return [str(request.partition_key) for request in result.run_requests or []]

    assert look() == []
    file.write_text("{}")
    assert look() == [KEY]
    assert look() == []
    file.write_text('{"x": {"decision": "approved"}}')
    assert look() == [KEY]


def test_a_schedule_that_dagster_refuses_takes_no_other_down(workspace: TestWorkspace) -> None:
    good = Project.load(workspace.write_project("good", {"x": "y"}, schedule='"0 3 * * *"'))
    odd = good.model_copy(update={"project_name": "odd", "schedule": Schedule.model_construct(cron="61 * * * *")})
    made_of = of_projects([odd, good])
    problems = made_of.problems
    assert [schedule.name for schedule in made_of.schedules] == ["relabel_good"]
    assert len(problems) == 1
    assert "schedule" in problems[0]


def test_every_pool_of_a_stage_has_a_limit_before_two_runs_can_come_to_it() -> None:
    assert {op.pool for asset in assets for op in [asset.op] if op.pool} == set(POOLS)
    with dg.instance_for_test(overrides={"concurrency": {"pools": {"default_limit": 1}}}) as instance:
        instance.event_log_storage.set_concurrency_slots("vlm", 3)
        give_limits(instance)
        assert instance.event_log_storage.get_concurrency_keys() == set(POOLS)
        assert instance.event_log_storage.get_concurrency_info("vlm").slot_count == 3
        assert instance.event_log_storage.get_concurrency_info("web").slot_count == 1
