"""What a backend was asked, and what that cost."""

from __future__ import annotations

from dataclasses import dataclass, fields

Parameters = dict[str, float | int | str | None]
"""What changes a backend's answers beside the question; part of the memo key."""


@dataclass(slots=True)
class Usage:
    """Counted while a stage runs.

    Attributes:
        requests: sent, retries included.
        retries: sent again after a failure that may pass.
        throttled: answers 429 or 503.
        input_tokens: as the server reports them, 0 where it does not.
        output_tokens: likewise.
        backend_seconds: sum over requests of the time from sending to the answer.
        bytes_sent: request bodies.
    """

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    backend_seconds: float = 0.0
    bytes_sent: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))


@dataclass(frozen=True, slots=True)
class Price:
    """What a paid endpoint takes, in `currency`."""

    currency: str = "USD"
    input_per_million: float = 0.0
    output_per_million: float = 0.0
    per_request: float = 0.0
    per_hour: float = 0.0

    def of(self, usage: Usage, wall_seconds: float) -> float:
        """Money for a usage; `per_hour` is for a rented machine, by the time the stage took."""
        tokens = usage.input_tokens * self.input_per_million + usage.output_tokens * self.output_per_million
        return tokens / 1e6 + usage.requests * self.per_request + wall_seconds / 3600 * self.per_hour
