"""From a user's phrase to one of the 80 COCO classes: exact name, plural, or a small table of synonyms."""

from __future__ import annotations

import difflib
import json
import re
from functools import lru_cache
from importlib import resources

from dlf_core.errors import QueryNotKnown

REAL_BACKENDS = "falcon or qwen (backends: in the YAML, or --backend)"


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[str, ...], dict[str, str]]:
    text = resources.files(__package__).joinpath("vocabulary.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return tuple(data["classes"]), dict(data["synonyms"])


def class_names() -> tuple[str, ...]:
    """The 80 names, in the order of the models' outputs."""
    return _table()[0]


def class_index(phrase: str) -> int | None:
    """Index of the COCO class a phrase names, or None.

    Example:
        >>> class_names()[class_index("Fire hydrants")]
        'fire hydrant'
    """
    names, synonyms = _table()
    for form in _forms(phrase):
        form = synonyms.get(form, form)
        if form in names:
            return names.index(form)
    return None


def require_class(phrase: str, what: str) -> int:
    """Like `class_index`, for a phrase that must be known.

    Raises:
        QueryNotKnown: one sentence that names the nearest class and the backends that take any phrase.
    """
    index = class_index(phrase)
    if index is not None:
        return index
    near = difflib.get_close_matches(phrase.casefold(), class_names(), n=2, cutoff=0.6)
    hint = f" (nearest: {', '.join(near)})" if near else ""
    raise QueryNotKnown(
        f"the embedded backend knows the 80 COCO classes and {what} '{phrase}' is none of them{hint}; "
        f"a phrase of your own needs a real backend: {REAL_BACKENDS}."
    )


def _forms(phrase: str) -> list[str]:
    text = re.sub(r"[\s_\-]+", " ", phrase.casefold()).strip()
    text = re.sub(r"^(?:a|an|the)\s+", "", text)
    forms = [text]
    if text.endswith("ies"):
        forms.append(text[:-3] + "y")
    elif text.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        forms += [text[:-2], text[:-1]]
    elif text.endswith("ves"):
        forms += [text[:-3] + "fe", text[:-1]]
    elif text.endswith("s"):
        forms.append(text[:-1])
    return forms
