"""Options of an export as they are typed."""

from __future__ import annotations

import math

from dlf_core.errors import FactoryError

_NAMES = ("train", "val", "test")


def split_shares(text: str) -> dict[str, float]:
    """`0.8,0.1,0.1` as split → share, summing to 1; splits without a share left out.

    Raises:
        FactoryError: not two or three numbers from 0 on, or all 0.
    """
    try:
        shares = [float(word) for word in text.split(",")]
    except ValueError:
        shares = []
    good = all(math.isfinite(share) and share >= 0 for share in shares)
    if len(shares) not in (1, 2, 3) or not good or not sum(shares):
        raise FactoryError(f"--splits {text}: is not train,val or train,val,test shares such as 0.8,0.1,0.1.")
    total = sum(shares)
    return {name: share / total for name, share in zip(_NAMES, shares, strict=False) if share > 0}


def class_map(text: str) -> dict[str, str | None]:
    """`car=vehicle,dog=` as class → new name, or None to leave it out; `*=` leaves out all that are not named.

    Raises:
        FactoryError: a part has no `=`, or names a class twice.
    """
    found: dict[str, str | None] = {}
    for part in text.split(","):
        old, equals, new = (word.strip() for word in part.partition("="))
        if not equals or not old:
            raise FactoryError(f"--classes {text}: '{part.strip()}' is not old=new.")
        if old in found:
            raise FactoryError(f"--classes {text}: names '{old}' twice.")
        found[old] = new or None
    return found
