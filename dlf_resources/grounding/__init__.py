"""Models that draw boxes for phrases: one file a backend. `open_grounding` is the registry."""

from __future__ import annotations

from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_resources.grounding.base import Detection, GroundingBackend

__all__ = ["AVAILABLE", "Detection", "GroundingBackend", "open_grounding"]

AVAILABLE = ("embedded",)


def open_grounding(name: str, project: Project) -> GroundingBackend:
    """The backend of a name, set up for a project.

    Raises:
        BackendUnavailable: this version has no such backend.
    """
    if name == "embedded":
        from dlf_resources.grounding.embedded import EmbeddedGrounding

        return EmbeddedGrounding(project)
    raise BackendUnavailable(
        f"backend '{name}' is not part of this version for label; there is: {', '.join(AVAILABLE)} "
        "(--backend embedded, or backends: in the YAML)."
    )
