"""Licences of pictures: from what a service says to one spelling, and what it allows.

A family is a licence without its version, spelled as SPDX does (https://spdx.org/licenses/) in lower case: `cc-by`,
`cc-by-sa`, `cc0`. `unknown` is what nobody has said anything about; `other` is a licence this table does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Family = Literal[
    "cc0",
    "public-domain",
    "cc-by",
    "cc-by-sa",
    "cc-by-nd",
    "cc-by-nc",
    "cc-by-nc-sa",
    "cc-by-nc-nd",
    "gfdl",
    "free-art",
    "other",
    "unknown",
]
FAMILIES: tuple[str, ...] = get_args(Family)
UNKNOWN = "unknown"

# https://creativecommons.org/licenses/by-sa/4.0/deed.de, …/publicdomain/zero/1.0/
_CC_URL = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z0-9+-]+)(?:/([0-9]+(?:\.[0-9]+)?))?",
    re.IGNORECASE,
)
# Names are looked at with one spelling for each word and a blank between words.
_SPELLINGS = (
    (re.compile(r"[^a-z0-9.+]+"), " "),
    (re.compile(r"creative ?commons"), "cc"),
    (re.compile(r"non ?commercial(?: use)?"), "nc"),
    (re.compile(r"no ?deriv(?:ative)?s?(?: works)?"), "nd"),
    (re.compile(r"share ?alike"), "sa"),
    (re.compile(r"attribution"), "by"),
    (re.compile(r"zero"), "0"),
)
_CC_NAME = re.compile(r"\bcc ?(0|by)\b")
_VERSION = re.compile(r"\b[0-9]\.[0-9]\b")
_BARE = re.compile(r"(by(?:-nc)?(?:-sa|-nd)?|cc0|pdm)(?:[\s-]+([0-9]\.[0-9]))?\Z", re.IGNORECASE)
_PUBLIC_DOMAIN = re.compile(
    r"public[\s-]*domain|\bpdm\b|no known (copyright )?restrictions|\bno restrictions|copyrighted free use|"
    r"\bpd[-\s]|^pd$",
    re.IGNORECASE,
)
_OTHER_FREE = (
    (re.compile(r"gfdl|gnu free documentation", re.IGNORECASE), "gfdl"),
    (re.compile(r"free art licen[sc]e|\AFAL\b", re.IGNORECASE), "free-art"),
)
_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_ALL_RIGHTS = re.compile(r"all rights reserved|fair use|non-free", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class License:
    """A licence: its family, and its name as one writes it (`CC BY-SA 4.0`)."""

    family: str
    name: str
    url: str | None = None

    @property
    def needs_attribution(self) -> bool:
        """Whether the author must be named: where nothing is said, as where it is asked for."""
        return self.family not in ("cc0", "public-domain")

    @property
    def commercial(self) -> bool:
        """Whether commercial use is allowed for certain."""
        return self.family not in (UNKNOWN, "other") and "-nc" not in self.family

    @property
    def derivatives(self) -> bool:
        """Whether changed copies (crops, say) may be passed on for certain."""
        return self.family not in (UNKNOWN, "other") and not self.family.endswith("-nd")


def identify(name: str | None, url: str | None = None) -> License:
    """The licence that a service names, by its address where that tells, else by its name.

    Example:
        >>> identify("CC BY-SA 3.0 de").family, identify(None, "https://creativecommons.org/licenses/by/2.0/").name
        ('cc-by-sa', 'CC BY 2.0')
    """
    said = (name or "").strip()
    address = next((text for text in ((url or "").strip(), said) if _ADDRESS.match(text)), None)
    if address and (found := _CC_URL.match(address)):
        kind, what, version = found[1].lower(), found[2].lower(), found[3]
        if kind == "publicdomain":
            family = "cc0" if what == "zero" else "public-domain"
            return License(family, "CC0 1.0" if family == "cc0" else "Public domain", address)
        if f"cc-{what}" in FAMILIES:
            named = identify(said) if said and "://" not in said else License(UNKNOWN, "")
            # Where name and address contradict each other, the stricter one holds.
            stricter = named.family.startswith("cc-by") and _limits(named.family) > _limits(f"cc-{what}")
            return named if stricter else _cc(f"cc-{what}", version, address)
    if _ALL_RIGHTS.search(said):
        return License("other", said, address)
    spelled = _spelled(said)
    if found := _CC_NAME.search(spelled):
        if found[1] == "0":
            return License("cc0", "CC0 1.0", address or _cc_url("cc0", None))
        words = spelled[found.end() :].split()
        family = "-".join(["cc-by", *(part for part in ("nc", "nd", "sa") if part in words)])
        version = _VERSION.search(spelled, found.end())
        return _cc(family if family in FAMILIES else "other", version[0] if version else None, address)
    if found := _BARE.match(said):
        what = found[1].lower()
        if what in ("cc0", "pdm"):
            family = "cc0" if what == "cc0" else "public-domain"
            return License(family, "CC0 1.0" if family == "cc0" else "Public domain", address or _cc_url(family, None))
        return _cc(f"cc-{what}", found[2], address)
    if _PUBLIC_DOMAIN.search(said):
        return License("public-domain", "Public domain", address)
    for mark, family in _OTHER_FREE:
        if mark.search(said):
            return License(family, said, address)
    if not said and not (url or "").strip():
        return License(UNKNOWN, "unknown")
    return License("other", said or (url or "").strip(), address)


def _limits(family: str) -> set[str]:
    return {"nc", "nd", "sa"} & set(family.split("-"))


def _spelled(text: str) -> str:
    spelled = text.lower()
    for wrong, right in _SPELLINGS:
        spelled = wrong.sub(right, spelled)
    return spelled.strip()


def _cc(family: str, version: str | None, url: str | None) -> License:
    name = " ".join(filter(None, ["CC", family.removeprefix("cc-").upper(), version]))
    return License(family, name, url or _cc_url(family, version))


def _cc_url(family: str, version: str | None) -> str | None:
    if family == "cc0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if family == "public-domain":
        return "https://creativecommons.org/publicdomain/mark/1.0/"
    if family == "other" or version is None:
        return None
    return f"https://creativecommons.org/licenses/{family.removeprefix('cc-')}/{version}/"
