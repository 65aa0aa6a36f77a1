"""How a candidate of the gather stage ends."""

from __future__ import annotations

from enum import StrEnum


class CandidateState(StrEnum):
    """How a candidate of the gather stage ended."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    NOT_AN_IMAGE = "not_an_image"
    CORRUPT = "corrupt"
    OPTED_OUT = "opted_out"
    FORBIDDEN_ADDRESS = "forbidden_address"
    LICENSE_REFUSED = "license_refused"
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    UNREADABLE = "unreadable"
    OUTSIDE_FOLDER = "outside_folder"


# States that are not the image's fault: another try may succeed, so they are asked again in the next run. (So is an
# http_error that `may_pass`.)
ERROR_STATES = frozenset({CandidateState.UNREADABLE, CandidateState.TIMEOUT, CandidateState.THROTTLED})


def may_pass(state: str, http_status: int | None) -> bool:
    """Whether a candidate that ended so may end otherwise next time: it was its host's trouble, or ours."""
    if state == CandidateState.HTTP_ERROR:
        return http_status is None or http_status >= 500
    return state in ERROR_STATES
