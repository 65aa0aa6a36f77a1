"""People's decisions on boxes, from the project's reviews file: box id → {decision, reviewer, reviewed_at}.

The file is `labels/reviews.json`; `r2.reviews_prefix` in the YAML names another.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from dlf_core.errors import StoreError
from dlf_core.project import Project
from dlf_core.records import Decision
from dlf_resources.stores.base import Store


def decisions_version(store: Store, project: Project) -> str | None:
    """Changes when the reviews file changes; None when nobody has decided."""
    key = project.r2.reviews_prefix
    return hashlib.sha256(store.get(key)).hexdigest()[:16] if store.exists(key) else None


def read_decisions(store: Store, project: Project) -> dict[str, dict[str, Any]]:
    """People's decisions by box id; none when nobody has decided.

    Raises:
        StoreError: the file is there and cannot be understood; human work is never read as "none".
    """
    key = project.r2.reviews_prefix
    if not store.exists(key):
        return {}
    try:
        data = json.loads(store.get(key))
        return {
            str(box_id): {
                "decision": Decision(entry["decision"]).value,
                "reviewer": entry.get("reviewer"),
                "reviewed_at": dt.datetime.fromisoformat(entry["reviewed_at"]).astimezone(dt.UTC)
                if entry.get("reviewed_at")
                else None,
            }
            for box_id, entry in data.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{store.address(key)}: is not a reviews file ({error}); it maps a box id to "
            '{"decision": "approved", "rejected" or "unsure", "reviewer": …, "reviewed_at": …}.'
        ) from None
