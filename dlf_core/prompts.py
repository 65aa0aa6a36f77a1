"""The prompts asked of a VLM, their placeholders, and the check that they can be filled."""

from __future__ import annotations

import hashlib
from string import Formatter

DEFAULT_FILTER = (
    "Look at this image. Does it show this: {target_object}, or an object closely related to it? "
    "Answer with exactly one word: YES or NO."
)
DEFAULT_VERIFY = (
    "This is a crop of a larger image. Is this the main object of the crop: {query}? "
    "Answer with one word first: YES, NO or UNSURE. Then say in 5 to 10 words what the main object is."
)
DEFAULT_LABEL_DESCRIBE = "Describe where {target_object} can be seen in this image, in one sentence."

PLACEHOLDERS = {
    "filter": {"target_object"},
    "verify": {"target_object", "query"},
    "label_describe": {"target_object"},
}


def template_problem(stage: str, template: str) -> str | None:
    """Why a prompt template cannot be filled for a stage, or None."""
    allowed = PLACEHOLDERS[stage]
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        return f"cannot be filled: {error}; write a literal brace as '{{{{' or '}}}}'."
    for field in fields:
        if field not in allowed:
            names = " and ".join("{" + name + "}" for name in sorted(allowed))
            return f"names the placeholder '{{{field}}}'; the {stage} prompt knows {names}."
    try:
        fill(template, target_object="x", query="x")
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        return f"cannot be filled: {error}; write placeholders plainly, as {{target_object}}."
    return None


def fill(template: str, *, target_object: str, query: str = "") -> str:
    """The prompt as the model reads it."""
    return template.format(target_object=target_object, query=query)


def prompt_hash(prompt: str) -> str:
    """First 16 hex digits of SHA-256 of a prompt (filled or template): its name in tables and metadata."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]
