"""Text of others within Markdown: it stays text (https://spec.commonmark.org/0.31.2/#backslash-escapes)."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#|~&])")
# What begins a list, a heading underline or a rule only at the beginning of a line.
_BEGINNING = re.compile(r"\A([-+=]|[0-9]{1,9}(?=[.)]))")


def plain(text: str, most: int | None = None) -> str:
    """One line that Markdown takes for nothing but text; of a long one only so many letters."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    line = _SIGNS.sub(r"\\\1", " ".join(shown.split())[:most])
    return _BEGINNING.sub(lambda found: f"\\{found[1]}" if found[1] in "-+=" else f"{found[1]}\\", line)
