"""Models that draw boxes for phrases: one file a backend. `open_grounding` is the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_resources.grounding.base import Detection, Grounded, GroundingBackend

__all__ = ["AVAILABLE", "Detection", "Grounded", "GroundingBackend", "open_grounding"]

AVAILABLE = ("falcon", "falcon-mlx", "qwen", "embedded")


def open_grounding(name: str, project: Project, warn: Callable[[str], None] = lambda _: None) -> GroundingBackend:
    """The backend of a name, set up for a project. Nobody is connected to yet.

    `gemma`, which files of the original name for label, means Falcon on mac_tensor.

    Args:
        name: see `AVAILABLE`.
        project: whose settings it has.
        warn: is told of one of several servers that goes, or comes back.

    Raises:
        BackendUnavailable: there is no such backend, or its address is none.
    """
    if name in ("falcon", "gemma"):
        from dlf_resources.grounding.falcon import FalconServer
        from dlf_resources.servers.addresses import falcon_addresses

        return _on_all({one.url: FalconServer(project, one) for one in falcon_addresses()}, warn)
    if name == "falcon-mlx":
        from dlf_resources.grounding.mlx import FalconMlx

        return FalconMlx(project)
    if name == "qwen":
        from dlf_resources.grounding.vlm import VlmGrounding
        from dlf_resources.servers.addresses import qwen_addresses

        return _on_all({one.url: VlmGrounding(project, one) for one in qwen_addresses()}, warn)
    if name == "embedded":
        from dlf_resources.grounding.embedded import EmbeddedGrounding

        return EmbeddedGrounding(project)
    raise BackendUnavailable(
        f"'{name}' is no backend for label; there is: {', '.join(AVAILABLE)} (--backend, or backends: in the YAML)."
    )


def _on_all(members: Mapping[str, GroundingBackend], warn: Callable[[str], None]) -> GroundingBackend:
    if len(members) == 1:
        return next(iter(members.values()))
    from dlf_resources.grounding.several import SeveralGroundings

    return SeveralGroundings(members, warn)
