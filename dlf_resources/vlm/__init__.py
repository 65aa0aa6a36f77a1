"""Models that answer questions about a picture: one file a backend. `open_vlm` is the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_resources.vlm.base import Answer, Question, VlmBackend

__all__ = ["AVAILABLE", "Answer", "Question", "VlmBackend", "open_vlm"]

AVAILABLE = ("qwen", "gemma", "embedded")


def open_vlm(name: str, project: Project, warn: Callable[[str], None] = lambda _: None) -> VlmBackend:
    """The backend of a name, set up for a project. Nobody is connected to yet.

    Args:
        name: see `AVAILABLE`.
        project: whose settings it has.
        warn: is told of one of several servers that goes, or comes back.

    Raises:
        BackendUnavailable: there is no such backend, or its address is none.
    """
    if name == "qwen":
        from dlf_resources.servers.addresses import qwen_addresses
        from dlf_resources.vlm.openai import OpenAiVlm

        return _on_all({one.url: OpenAiVlm(project, one) for one in qwen_addresses()}, warn)
    if name == "gemma":
        from dlf_resources.servers.addresses import gemma_addresses
        from dlf_resources.vlm.mac_tensor import MacTensorVlm

        return _on_all({one.url: MacTensorVlm(project, one) for one in gemma_addresses()}, warn)
    if name == "embedded":
        from dlf_resources.vlm.embedded import EmbeddedVlm

        return EmbeddedVlm(project)
    raise BackendUnavailable(
        f"'{name}' is no backend for filter and verify; there is: {', '.join(AVAILABLE)} "
        "(--backend, or backends: in the YAML)."
    )


def _on_all(members: Mapping[str, VlmBackend], warn: Callable[[str], None]) -> VlmBackend:
    if len(members) == 1:
        return next(iter(members.values()))
    from dlf_resources.vlm.several import SeveralVlms

    return SeveralVlms(members, warn)
