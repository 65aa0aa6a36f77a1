"""The two dynamic partition sets: `project_bucket` for the stages, `project` for what a project ends in."""

from __future__ import annotations

import dagster as dg

from dlf_core.project import Project

PROJECT_BUCKET = dg.DynamicPartitionsDefinition(name="project_bucket")
PROJECT = dg.DynamicPartitionsDefinition(name="project")


def add_missing(instance: dg.DagsterInstance, projects: list[Project]) -> list[str]:
    """Add the partition keys that the projects have and the instance lacks, a project's keys together.

    Keys of buckets that are no longer in a YAML stay: deleting a dynamic key breaks Dagster's automation page.

    Returns:
        The bucket keys added.
    """
    known = set(instance.get_dynamic_partitions(str(PROJECT_BUCKET.name)))
    known_projects = set(instance.get_dynamic_partitions(str(PROJECT.name)))
    added: list[str] = []
    for project in projects:
        new = [key for key in project.partition_keys().values() if key not in known]
        if new:
            instance.add_dynamic_partitions(str(PROJECT_BUCKET.name), new)
            added += new
        if project.project_name not in known_projects:
            instance.add_dynamic_partitions(str(PROJECT.name), [project.project_name])
    return added


def orphans(instance: dg.DagsterInstance, projects: list[Project]) -> list[str]:
    """Bucket keys that no readable YAML has (any more)."""
    wanted = {key for project in projects for key in project.partition_keys().values()}
    return [key for key in instance.get_dynamic_partitions(str(PROJECT_BUCKET.name)) if key not in wanted]
