"""What was measured, beside what it must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: of the measurement it comes from.
        what: was measured.
        target: what it must reach; None: it is told, and nothing is asked of it.
        least: whether more is better.
        more: other figures of the same measurement.
    """

    name: str
    what: str
    unit: str
    reached: float
    target: float | None = None
    least: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def passes(self) -> bool | None:
        if self.target is None:
            return None
        return self.reached >= self.target if self.least else self.reached <= self.target

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"passes": self.passes}

    def told(self) -> str:
        """As a line for whoever waits."""
        sign = "≥" if self.least else "≤"
        asked = "" if self.target is None else f"  ({sign} {self.target:g}: {'yes' if self.passes else 'NO'})"
        more = ", ".join(f"{name} {value}" for name, value in self.more.items())
        return f"{self.what}: {self.reached:g} {self.unit}{asked}  {more}"


def percentile(values: Sequence[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 1)


def spread(values: Sequence[float]) -> dict[str, Any]:
    """What lies around what was measured."""
    return {
        "p50": percentile(values, 50),
        "max": round(max(values), 1),
        "n": len(values),
    }
