"""Tables of stages that have not run, made column by column: a million rows as Python objects would take minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from dlf_core.records import SCHEMAS, sort_table


def stage_table(stage: str, rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """A table with its rows in order.

    Args:
        columns: name → a value for each row, or one for all. What is not there says as little as its column may.
    """
    arrays = []
    for field in SCHEMAS[stage]:
        value = columns.get(field.name)
        if field.name not in columns and not field.nullable:
            value = [] if pa.types.is_list(field.type) else "" if pa.types.is_string(field.type) else 0
        if isinstance(value, list | range | np.ndarray) and len(value) == rows:
            arrays.append(pa.array(value, field.type))
        else:
            arrays.append(pa.repeat(pa.scalar(value, field.type), rows))
    return sort_table(stage, pa.Table.from_arrays(arrays, schema=SCHEMAS[stage]))
