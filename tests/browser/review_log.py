"""The log of a workspace's project, read from its file: also while no server runs."""

from __future__ import annotations

from workspaces import TestWorkspace

from dlf_core.reviews.operations import Event
from dlf_resources.reviews.log import LOG_KEY, ReviewLog


def logged(workspace: TestWorkspace, project: str) -> list[Event]:
    """What was said, in the order in which the server took it."""
    return [event for _, event in ReviewLog(workspace.data(project) / LOG_KEY).events()]
