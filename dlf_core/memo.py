"""The key under which a result is remembered.

A result is named by everything it was made from: equal inputs, equal key, no second computation. Change the
prompt, the model or a threshold and the key changes, so exactly the results that depend on it are asked anew.
"""

from __future__ import annotations

import hashlib
import json


def memo_key(stage: str, **made_from: object) -> str:
    """32 hex digits of SHA-256 over the stage name and its inputs (JSON, keys sorted).

    Example:
        >>> memo_key("filter", image_id="ab", prompt="p") == memo_key("filter", prompt="p", image_id="ab")
        True
    """
    text = json.dumps([stage, made_from], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
