"""The Dagster instance on which commands work: the one whose UI shows what they did."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from importlib import resources
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef  # not public; the version is pinned

from dlf_core.errors import FactoryError
from dlf_resources.workspace import Workspace

# Dagster would tee standard error of each step into a file: the terminal would become a pipe, and each step slower.
_NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """The Dagster instance of the workspace; its home is made when there is none.

    Raises:
        FactoryError: the home cannot be made or used.
    """
    home = workspace.dagster_home
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            shutil.copyfile(_default_settings(), home / "dagster.yaml")
        os.environ["DAGSTER_HOME"] = str(home)
        instance = dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=_NO_CAPTURE))
        _mend(instance)
    except OSError as error:
        raise FactoryError(f"{home}: cannot be used as DAGSTER_HOME: {error.strerror or error}.") from None
    except Exception as error:
        first = " ".join(str(error).split())[:300]
        raise FactoryError(f"{home}: the Dagster instance does not open: {first}") from None
    return instance


def _mend(instance: dg.DagsterInstance) -> None:
    """Finish the tables of an instance whose very first command was killed while it made them."""
    try:
        instance.get_dynamic_partitions("project_bucket")
    except dg.DagsterInvalidInvocationError:
        # It says on standard output what it does, and that is not its place here.
        with contextlib.redirect_stdout(sys.stderr):
            instance.upgrade()


def _default_settings() -> Path:
    packaged = Path(str(resources.files("dlf_assets").joinpath("dagster.yaml")))
    return packaged if packaged.exists() else Path(__file__).parents[2] / "dagster_home" / "dagster.yaml"
