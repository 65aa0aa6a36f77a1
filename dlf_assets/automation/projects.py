"""The sensor that keeps Dagster in line with the YAMLs: partition keys, jobs and schedules, and what cannot be read."""

import dagster as dg

from dlf_assets.automation.of_projects import fingerprint, of_projects
from dlf_assets.automation.reloading import LOADED, reload_where_possible
from dlf_assets.dead_runs import end_dead_runs
from dlf_assets.partitions import add_missing, orphans
from dlf_assets.pools import give_limits
from dlf_resources.dagster_resources import ProjectsResource

SENSOR_SECONDS = 10


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds partition keys, jobs and schedules of new and changed YAMLs; tells of those that cannot be read.",
)
def project_partitions(context: dg.SensorEvaluationContext, projects: ProjectsResource) -> dg.SkipReason:
    """Bring Dagster in line with the YAMLs, and end runs of the CLI whose process died."""
    found, broken = projects.projects().load_all()
    for problem in [*map(str, broken), *of_projects(found).problems]:
        context.log.error(problem)
    give_limits(context.instance)  # before there are partitions, of which runs could be started
    ended = end_dead_runs(context.instance)
    added = add_missing(context.instance, found)
    said = [f"added {', '.join(added)}"] if added else ["every bucket has its partition"]
    said += [f"{error.path.name} cannot be read" for error in broken]
    said += [f"ended dead run {run_id}" for run_id in ended]
    if gone := orphans(context.instance, found):
        said.append(f"no longer in a YAML: {', '.join(gone[:5])}")
    now = fingerprint(found, broken)
    # Twice the same: a file that is just being written is not read in the middle.
    if LOADED and now != LOADED["yamls"] and now == context.cursor:
        said.append(reload_where_possible(context.code_location_origin, context.instance))
    context.update_cursor(now)
    return dg.SkipReason("; ".join(said))
