"""`X-Robots-Tag`: pictures whose owners do not want them taken for this."""

from __future__ import annotations

import re
from collections.abc import Iterable

AGENT = "data-label-factory"
"""The name by which a header may speak to this program alone."""

# What img2dataset honours: https://github.com/rom1504/img2dataset#opt-out-directives
_REFUSALS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
_ROBOT = re.compile(r"\*|[a-z][a-z0-9_.-]*")
# Directives with a value, whose colon does not follow a robot's name.
_WITH_VALUE = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})


def refusal(headers: Iterable[str]) -> str | None:
    """The directive by which the values of `X-Robots-Tag` refuse a picture to this program, or None.

    A value `name: directives` speaks to the robot of that name and to nobody else.
    """
    for header in headers:
        heard = True
        for part in header.split(","):
            word = part.strip().lower()
            before, colon, after = word.partition(":")
            if colon and _ROBOT.fullmatch(before.strip()) and before.strip() not in _WITH_VALUE:
                heard = before.strip() in (AGENT, "*")
                word = after.strip()
            if heard and word in _REFUSALS:
                return word
    return None
