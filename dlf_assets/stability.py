"""Whether a backend still says what it said: of its old answers some are asked for again and compared.

The table keeps the old answers. A server that was updated, or quantised anew, under the same name shows here, before
anybody wonders why new images look different from old ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dlf_assets.asks import Asks


@dataclass(frozen=True, slots=True)
class Stability:
    """What came of asking again.

    Attributes:
        asked: old answers that were asked for again.
        changed: those that are another answer now.
        errors: those that were not answered; they are neither.
    """

    asked: int = 0
    changed: int = 0
    errors: int = 0

    @property
    def rate(self) -> float | None:
        """Share of the answers that changed; None: none came."""
        answered = self.asked - self.errors
        return self.changed / answered if answered else None

    def metadata(self) -> dict[str, Any]:
        """For a materialisation; empty where nothing was asked again."""
        if not self.asked:
            return {}
        rate = None if self.rate is None else round(self.rate, 4)
        return {"asked_again": self.asked, "changed_answers": self.changed, "disagreement_rate": rate}


def chosen(asks: Asks[Any], answered: pa.ChunkedArray, share: float, draw: np.random.Generator) -> NDArray[np.int64]:
    """Positions of keys in `asks` that are to be asked for again: a share of those with an answer, at least one."""
    known = np.flatnonzero(pc.is_in(asks.keys, answered.combine_chunks()).to_numpy(zero_copy_only=False))
    count = min(len(known), math.ceil(share * len(known)))
    return np.sort(draw.choice(known, count, replace=False)) if count else known[:0]


def compared(old: pa.Table, status: str, rows: Iterable[Any]) -> Stability:
    """New rows beside old ones of the same memo key.

    Args:
        old: with `memo_key` and the status column.
        status: the column that holds the answer.
        rows: with attributes of these names; their status is `ERROR` where no answer came.
    """
    new = {row.memo_key: str(getattr(row, status)) for row in rows}
    said = old.filter(pc.is_in(old["memo_key"], pa.array(new, pa.string()))).select(["memo_key", status])
    before = dict(zip(*(said[name].to_pylist() for name in ("memo_key", status)), strict=True))
    errors = sum(answer == "ERROR" for answer in new.values())
    changed = sum(answer != "ERROR" and answer != before[key] for key, answer in new.items())
    return Stability(len(new), changed, errors)
