"""Models that draw boxes for phrases: one file a backend. `open_grounding` is the registry."""

from __future__ import annotations

from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_resources.grounding.base import Detection, Grounded, GroundingBackend

__all__ = ["AVAILABLE", "Detection", "Grounded", "GroundingBackend", "open_grounding"]

AVAILABLE = ("falcon", "falcon-mlx", "qwen", "embedded")


def open_grounding(name: str, project: Project) -> GroundingBackend:
    """The backend of a name, set up for a project. Nobody is connected to yet.

    `gemma`, which files of the original name for label, means Falcon on mac_tensor.

    Raises:
        BackendUnavailable: there is no such backend, or its address is none.
    """
    if name in ("falcon", "gemma"):
        from dlf_resources.grounding.falcon import FalconServer

        return FalconServer(project)
    if name == "falcon-mlx":
        from dlf_resources.grounding.mlx import FalconMlx

        return FalconMlx(project)
    if name == "qwen":
        from dlf_resources.grounding.vlm import VlmGrounding

        return VlmGrounding(project)
    if name == "embedded":
        from dlf_resources.grounding.embedded import EmbeddedGrounding

        return EmbeddedGrounding(project)
    raise BackendUnavailable(
        f"'{name}' is no backend for label; there is: {', '.join(AVAILABLE)} (--backend, or backends: in the YAML)."
    )
