"""What may go wrong with a request to an object store: told to a `FaultProxy`.

| fault | what the client sees | what the store does |
|---|---|---|
| `hang_up()` | the connection reset before the body is read | nothing |
| `cut_upload()` | the connection reset in the middle of the body it sends | gets half a body, and drops it |
| `cut_download()` | a good head and half the content, then the connection reset | all |
| `lose_answer()` | the connection reset where the answer should be | all: a PUT is applied |
| `stall(seconds)` | the answer, late | all, at once: a client that waits no longer has written all the same |
| `stall_download(seconds)` | half the content, and the rest late | all |
| `flip_upload()` | what the store says to it | gets the content with one bit turned |
| `flip_download()` | the content with one bit turned | all |
| `slow_down()`, `internal_error()` | 503 SlowDown, 500 InternalError | nothing |
| `precondition_failed()`, `conflict()` | 412 PreconditionFailed, 409 ConditionalRequestConflict | nothing |
| `clock_skewed()` | 403 RequestTimeTooSkewed | nothing |
| `refuse(status, code)` | any other error | nothing |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Refusal:
    """An error in the XML of S3."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self, resource: str) -> bytes:
        told = {"Code": self.code, "Message": self.message, "Resource": resource, "RequestId": "FAULT00000000000"}
        inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; several may. Without any the request passes.

    Attributes:
        refusal: answered instead of asking the store.
        seconds: to wait before the answer.
        upload_share: of the request's body is taken and passed on; below 1 both connections are reset then.
        download_share: of the answer's content is sent; below 1 the connection is reset then. None: no answer at all.
        pause: seconds to wait in the middle of the answer's content.
        flips_upload, flips_download: one bit of the byte in the middle of the content is turned.
    """

    refusal: Refusal | None = None
    seconds: float = 0.0
    upload_share: float = 1.0
    download_share: float | None = 1.0
    pause: float = 0.0
    flips_upload: bool = False
    flips_download: bool = False


def hang_up() -> Fault:
    return Fault(upload_share=0.0)


def cut_upload(share: float = 0.5) -> Fault:
    return Fault(upload_share=share)


def cut_download(share: float = 0.5) -> Fault:
    return Fault(download_share=share)


def lose_answer() -> Fault:
    return Fault(download_share=None)


def stall(seconds: float) -> Fault:
    return Fault(seconds=seconds)


def stall_download(seconds: float) -> Fault:
    return Fault(pause=seconds)


def flip_upload() -> Fault:
    return Fault(flips_upload=True)


def flip_download() -> Fault:
    return Fault(flips_download=True)


def refuse(status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> Fault:
    return Fault(Refusal(status, code, message or code, headers or {}))


def slow_down(retry_after: int | None = None) -> Fault:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return refuse(503, "SlowDown", "Please reduce your request rate.", headers)


def internal_error() -> Fault:
    return refuse(500, "InternalError", "We encountered an internal error. Please try again.")


def precondition_failed() -> Fault:
    return refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")


def conflict() -> Fault:
    return refuse(409, "ConditionalRequestConflict", "A conflicting operation occurred during this request")


def clock_skewed() -> Fault:
    return refuse(
        403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
    )
