"""The factory's parts as Dagster resources: an asset asks for one by parameter name, the UI lists its settings."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from dlf_core.project import Project
from dlf_resources.engines import Engine, open_engine
from dlf_resources.experiments import Experiments
from dlf_resources.grounding import GroundingBackend, open_grounding
from dlf_resources.pods import local_name
from dlf_resources.projects import Projects, stored_in
from dlf_resources.servers.addresses import qwen_address
from dlf_resources.vlm import VlmBackend, open_vlm
from dlf_resources.workspace import Workspace


class ProjectsResource(dg.ConfigurableResource):
    """The project YAMLs."""

    folder: str | None = Field(
        default=None, description="Folder of the YAMLs; default: project_configs/ of the workspace."
    )
    file: str | None = Field(default=None, description="One more YAML, outside of the folder.")
    store: str | None = Field(
        default=None, description="Where every project's data lies: local or r2; default: what its YAML says."
    )

    def projects(self) -> Projects:
        """The projects as they are on disk now."""
        folder = Path(self.folder) if self.folder else Workspace.find().projects
        return Projects(folder, Path(self.file) if self.file else None)

    def of_partition(self, key: str) -> tuple[Project, str]:
        """See `Projects.of_partition`."""
        project, bucket = self.projects().of_partition(key)
        return self._stored(project), bucket

    def named(self, name: str) -> Project:
        """See `Projects.find`."""
        return self._stored(self.projects().find(name))

    def _stored(self, project: Project) -> Project:
        return stored_in(project, self.store) if self.store else project


class ExperimentsResource(dg.ConfigurableResource):
    """The run folders."""

    folder: str | None = Field(
        default=None, description="Folder of run folders; default: experiments/ of the workspace."
    )

    def experiments(self) -> Experiments:
        """The folder of run folders."""
        return Experiments(Path(self.folder) if self.folder else Workspace.find().experiments)


class _ModelResource(dg.ConfigurableResource):
    """What is common to resources that ask models: a backend setting, and the server started for a run."""

    backend: str | None = Field(default=None, description="Backend for every project; default: what the YAML says.")

    _managed: contextlib.ExitStack = PrivateAttr(default_factory=contextlib.ExitStack)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Stop what was started for the run."""
        self._managed.close()

    async def _managed_server(self, project: Project, backend: str, model: str, told: Callable[[str], None]) -> None:
        """With `manage: true`, see to it that there is a server until the run ends."""
        if project.backends.manage and backend == "qwen":
            from dlf_resources.servers import leases  # its HTTP client would slow the start of every process

            stop = threading.Event()
            lease = leases.leased(qwen_address(), model, told, stop)
            try:
                await asyncio.to_thread(self._managed.enter_context, lease)
            finally:
                stop.set()  # whoever was stopped meanwhile does not wait for a download to end


class VlmResource(_ModelResource):
    """The model that answers YES or NO, for filter and verify."""

    def open(self, name: str, project: Project, warn: Callable[[str], None]) -> VlmBackend:
        """The backend of a stage: this resource's setting, else the name given. Nobody is connected to yet."""
        return open_vlm(self.backend or local_name(name, "qwen", warn), project, warn)

    @contextlib.asynccontextmanager
    async def connected(
        self, backend: VlmBackend, project: Project, told: Callable[[str], None]
    ) -> AsyncIterator[None]:
        """Within it, the backend may be asked."""
        await self._managed_server(project, backend.name, backend.model, told)
        async with backend.connected():
            yield


class GroundingResource(_ModelResource):
    """The models that draw boxes, for label."""

    def open(self, name: str, project: Project, warn: Callable[[str], None]) -> GroundingBackend:
        """A backend of the label stage: this resource's setting, else the name given. Nobody is connected to yet."""
        return open_grounding(self.backend or local_name(name, "falcon", warn), project, warn)

    @contextlib.asynccontextmanager
    async def connected(
        self, backends: Sequence[GroundingBackend], project: Project, told: Callable[[str], None]
    ) -> AsyncIterator[None]:
        """Within it, the backends may be asked."""
        async with contextlib.AsyncExitStack() as stack:
            for backend in backends:
                await self._managed_server(project, backend.name, backend.model, told)
                await stack.enter_async_context(backend.connected())
            yield


class EngineResource(dg.ConfigurableResource):
    """How the work of a stage is spread."""

    lock_wait_seconds: float = Field(
        default=30.0, description="How long a run waits for another that works on the same bucket before it gives up."
    )

    def open(self, name: str) -> Engine:
        """The engine a project names."""
        return open_engine(name)
