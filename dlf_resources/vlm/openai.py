"""`qwen`: YES/NO by a vision-language model behind any OpenAI-compatible server (`QWEN_URL`)."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager

from dlf_core.answers import Verdict, p_yes_from_logprobs, parse_answer
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.picture import Picture
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.chat import Said, Wish, chat_server
from dlf_resources.vlm.base import Answer, Question

CROP_PADDING = 0.25
# Filter wants one word; verify a word and what is seen.
TOKENS = {"filter": 1, "verify": 40}
# For a model that does not begin with the word.
LONGER = 24
_FIRST_WORD = re.compile(r"^\W*(?:yes|no|unsure)\b\W*", re.IGNORECASE)


class OpenAiVlm:
    """See the module's text."""

    name = "qwen"
    crop_padding = CROP_PADDING

    def __init__(self, project: Project, address: Address):
        self._server = chat_server(project, address)
        self._tokens = dict(TOKENS)
        self.model = self._server.model
        self.window = self._server.client.window

    @property
    def usage(self) -> Usage:
        """See `VlmBackend.usage`."""
        return self._server.usage

    def parameters(self, stage: str) -> Parameters:
        """See `VlmBackend.parameters`."""
        return {"max_pixels": self._server.max_pixels}

    def check(self, subjects: list[str], stage: str) -> None:
        """A language model can be asked anything."""

    def connected(self) -> AbstractAsyncContextManager[object]:
        """See `VlmBackend.connected`."""
        return self._server.connected()

    async def ask(self, picture: Picture, question: Question) -> Answer:
        """See `VlmBackend.ask`. One token where that decides; more, once, where it does not."""
        tokens = self._tokens[question.stage]
        said = await self._server.ask(picture, Wish(question.prompt, tokens))
        answer = self._answer(said, question.stage)
        if answer.verdict is Verdict.UNKNOWN and tokens < LONGER:
            said = await self._server.ask(picture, Wish(question.prompt, LONGER))
            longer = self._answer(said, question.stage)
            if longer.verdict is not Verdict.UNKNOWN:
                self._tokens[question.stage] = LONGER  # such a model needs a run-up; ask the next ones so at once
                answer = longer
        return answer

    def _answer(self, said: Said, stage: str) -> Answer:
        verdict = parse_answer(said.text)
        p_yes = p_yes_from_logprobs(said.alternatives)
        kind = ScoreKind.NONE if p_yes is None else ScoreKind.LOGPROB
        text = self._server.cut(said.text)
        return Answer(verdict, p_yes, kind, text, without_verdict(text) if stage == "verify" else None)


def without_verdict(text: str) -> str | None:
    """What an answer says after its YES, NO or UNSURE; None when that is nothing."""
    return _FIRST_WORD.sub("", text) or None
