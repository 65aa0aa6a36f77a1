"""Models that answer questions about an image: one file a backend. `open_vlm` is the registry."""

from __future__ import annotations

from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_resources.vlm.base import Answer, Question, VlmBackend

__all__ = ["AVAILABLE", "Answer", "Question", "VlmBackend", "open_vlm"]

AVAILABLE = ("embedded",)


def open_vlm(name: str, project: Project) -> VlmBackend:
    """The backend of a name, set up for a project.

    Raises:
        BackendUnavailable: this version has no such backend.
    """
    if name == "embedded":
        from dlf_resources.vlm.embedded import EmbeddedVlm

        return EmbeddedVlm(project)
    raise BackendUnavailable(
        f"backend '{name}' is not part of this version for filter and verify; there is: {', '.join(AVAILABLE)} "
        "(--backend embedded, or backends: in the YAML)."
    )
