"""What is made of one candidate's bytes: hashed, decoded once, and written if they are an image we take."""

from __future__ import annotations

import builtins
import hashlib
from dataclasses import dataclass
from pathlib import Path

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import ImageRejected
from dlf_core.image_ids import IMAGE_ID_DIGITS
from dlf_resources.images import Limits, inspect
from dlf_resources.stores.local import LocalStore


@dataclass(frozen=True, slots=True)
class Judgement:
    """Columns of the gather table that come from the bytes.

    Attributes:
        state: `kept`, or why they are not taken.
        reason: of a rejection.
        file: name of the image in its folder; None when it was rejected, like all that follow.
        width: pixels, upright.
        height: pixels, upright.
        fingerprint: thumbnail by which near-duplicates are judged.
    """

    sha256: str
    bytes: int
    state: str
    reason: str | None = None
    file: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    phash: str | None = None
    phash_mirrored: str | None = None
    fingerprint: builtins.bytes | None = None  # `bytes` is a column here

    @property
    def image_id(self) -> str:
        """The image's identity."""
        return self.sha256[:IMAGE_ID_DIGITS]


def take_in(content: bytes, limits: Limits, folder: Path) -> Judgement:
    """Judge the bytes, and write them to the folder if they are an image; a file that is there is left alone.

    Raises:
        StoreError: the folder cannot be written.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        facts = inspect(content, limits)
    except ImageRejected as rejected:
        return Judgement(sha256, len(content), rejected.state, rejected.reason)
    file = f"{sha256[:IMAGE_ID_DIGITS]}.{facts.extension}"
    store = LocalStore(folder)
    if store.size(file) != len(content):
        store.put(file, content, durable=False)
    found = facts.fingerprint
    return Judgement(
        sha256,
        len(content),
        str(CandidateState.KEPT),
        file=file,
        width=facts.width,
        height=facts.height,
        format=facts.format,
        phash=found.phash,
        phash_mirrored=found.phash_mirrored,
        fingerprint=found.thumb,
    )
