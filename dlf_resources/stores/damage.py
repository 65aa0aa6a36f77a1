"""Whether the bytes under a key are those that were written."""

from __future__ import annotations

from pathlib import PurePosixPath

from dlf_core.image_ids import IMAGE_ID_DIGITS


def damage_of(key: str, sha256: str, recorded: str | None) -> str | None:
    """What is wrong with bytes of this hash under a key."""
    stem = PurePosixPath(key).stem
    if key.startswith("raw/") and len(stem) == IMAGE_ID_DIGITS and sha256[:IMAGE_ID_DIGITS] != stem:
        return "its bytes are not those of its name; delete it and gather its bucket again."
    if recorded is not None and recorded != sha256:
        return "its bytes are not those that were written; delete it and run its stage again."
    return None
