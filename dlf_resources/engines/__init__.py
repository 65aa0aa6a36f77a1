"""How the work of a stage is spread: one file an engine."""

from __future__ import annotations

from dlf_core.errors import BackendUnavailable
from dlf_resources.engines.base import Engine, Outcome
from dlf_resources.engines.concurrently import finished_and_error
from dlf_resources.engines.local import LocalEngine

__all__ = ["Engine", "LocalEngine", "Outcome", "finished_and_error", "open_engine"]


def open_engine(name: str) -> Engine:
    """The engine a project names.

    Raises:
        BackendUnavailable: this version has no such engine.
    """
    if name == "local":
        return LocalEngine()
    raise BackendUnavailable(f"engine '{name}' is not part of this version; write 'engine: local' in the YAML.")
