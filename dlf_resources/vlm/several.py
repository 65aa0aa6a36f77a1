"""A VLM backend on several servers (`QWEN_URL=http://a:8000,http://b:8000`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from dlf_core.usage import Parameters, Usage
from dlf_resources.picture import Picture
from dlf_resources.servers.several import Several
from dlf_resources.vlm.base import Answer, Question, VlmBackend


class SeveralVlms:
    """See the module's text.

    Args:
        members: URL → the backend that asks there; all alike but for that.
        warn: is told of servers that go and that come back.
    """

    def __init__(self, members: Mapping[str, VlmBackend], warn: Callable[[str], None]):
        self._servers = Several(members, warn)
        self._any = next(iter(members.values()))
        self.name, self.model = self._any.name, self._any.model
        self.crop_padding = self._any.crop_padding
        self.window = self._servers.window

    @property
    def usage(self) -> Usage:
        """See `VlmBackend.usage`."""
        return self._servers.usage

    def parameters(self, stage: str) -> Parameters:
        """See `VlmBackend.parameters`."""
        return self._any.parameters(stage)

    def check(self, subjects: list[str], stage: str) -> None:
        """See `VlmBackend.check`."""
        self._any.check(subjects, stage)

    def connected(self) -> AbstractAsyncContextManager[object]:
        """See `VlmBackend.connected`."""
        return self._servers.connected()

    async def ask(self, picture: Picture, question: Question) -> Answer:
        """See `VlmBackend.ask`."""
        return await self._servers.ask(lambda member: member.ask(picture, question))
