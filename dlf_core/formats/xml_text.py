"""Text in XML files: what XML cannot hold is replaced, what it gives a meaning is escaped."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from dlf_core.errors import FormatError

# https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# Most text has none of them, and is looked through once.
_SPECIAL = re.compile("[^\t\n !\"#-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def allowed(value: object) -> str:
    """A value as text that XML can hold."""
    return _FORBIDDEN.sub("\ufffd", str(value))


def text(value: object) -> str:
    """A value between two tags."""
    plain = str(value)
    return escape(allowed(plain), {"\r": "&#13;"}) if _SPECIAL.search(plain) else plain


def attribute(value: object) -> str:
    """A value as an attribute, in quotation marks."""
    return quoteattr(allowed(value), {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def elements(file: Path, *names: str, within: str | None = None) -> Iterator[ElementTree.Element]:
    """Elements of some names, one after the other; each is forgotten when the next is asked for.

    Raises:
        FormatError: the file cannot be read, is no XML, or its outermost element is not `within`.
    """
    try:
        with file.open("rb") as source:
            turns = ElementTree.iterparse(source, ("start", "end"))  # noqa: S314  # expat ≥ 2.4.1 stops bombs
            _, root = next(turns)
            if root.tag != (within or root.tag):
                raise FormatError(f"{file}: has no <{within}>.")
            for event, element in turns:
                if event == "end" and element.tag in names:
                    yield element
                    root.clear()
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: of its encoding
        raise FormatError(f"{file}: is not XML: {error}.") from None
