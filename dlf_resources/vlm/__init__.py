"""Models that answer questions about a picture: one file a backend. `open_vlm` is the registry."""

from __future__ import annotations

from dlf_core.errors import BackendUnavailable
from dlf_core.project import Project
from dlf_resources.vlm.base import Answer, Question, VlmBackend

__all__ = ["AVAILABLE", "Answer", "Question", "VlmBackend", "open_vlm"]

AVAILABLE = ("qwen", "gemma", "embedded")


def open_vlm(name: str, project: Project) -> VlmBackend:
    """The backend of a name, set up for a project. Nobody is connected to yet.

    Raises:
        BackendUnavailable: there is no such backend, or its address is none.
    """
    if name == "qwen":
        from dlf_resources.vlm.openai import OpenAiVlm

        return OpenAiVlm(project)
    if name == "gemma":
        from dlf_resources.vlm.mac_tensor import MacTensorVlm

        return MacTensorVlm(project)
    if name == "embedded":
        from dlf_resources.vlm.embedded import EmbeddedVlm

        return EmbeddedVlm(project)
    raise BackendUnavailable(
        f"'{name}' is no backend for filter and verify; there is: {', '.join(AVAILABLE)} "
        "(--backend, or backends: in the YAML)."
    )
