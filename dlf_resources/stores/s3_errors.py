"""What an object store and the way to it answer, as one sentence."""

from __future__ import annotations

from typing import Any

from dlf_core.errors import StoreConflict, StoreError, StoreUnreached
from dlf_resources.stores.r2_settings import BUCKET, ENDPOINT, KEY, SECRET, R2Settings

_NOT_THERE = {"404", "NoSuchKey", "NotFound"}
_SPOILT = {"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout"}
"""The bytes did not come as they were sent."""
_CONFLICT = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


class NotThere(Exception):
    """Nothing lies under the key."""


def explained(error: Exception, settings: R2Settings, key: str, action: str) -> Exception:
    """What to raise in place of an error of botocore.

    Args:
        error: what botocore raised.
        settings: who asked whom.
        key: of which object.
        action: `read`, `write`, `delete` or `list`.
    """
    where = f"{settings.bucket}/{key} at {settings.host}"
    response: dict[str, Any] | None = getattr(error, "response", None)
    if response is None or "Error" not in response:
        return StoreUnreached(f"cannot {action} {where}: {_unreached(error)}; what was done is kept, run it again.")
    code = code_of(error)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code == "NoSuchBucket":
        way_out = f"create it, or name another by {BUCKET} or r2.bucket"
        return StoreUnreached(f"there is no bucket '{settings.bucket}' at {settings.host}; {way_out}.")
    if code in _NOT_THERE and action == "list":
        return StoreError(f"{where} cannot be listed ({code}); is {ENDPOINT} the address of the store alone?")
    if code in _NOT_THERE:
        return NotThere(key)
    if code in _CONFLICT:
        return StoreConflict(f"{where}: somebody else has written it meanwhile.")
    if code == "RequestTimeTooSkewed":
        return StoreUnreached(f"{settings.host} refuses requests because this machine's clock is wrong; set it right.")
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed"):
        return StoreUnreached(f"{settings.host} does not know {KEY} with this {SECRET} ({code}); check both.")
    if code == "403":  # the answer to a HEAD has no more than that
        return StoreUnreached(f"cannot {action} {where}: it refuses (403); check {KEY}, {SECRET} and what they may do.")
    if code in ("AccessDenied", "Forbidden"):
        return StoreUnreached(f"cannot {action} {where}: {KEY} may not do that (AccessDenied); give it the right to.")
    said = " ".join(str(response["Error"].get("Message") or "").split())[:200]
    return StoreUnreached(f"cannot {action} {where}: {code or status} {said}".rstrip(" .") + "; run it again.")


def code_of(error: Exception) -> str:
    """What S3 calls an error of botocore; empty for one that is not of S3."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def may_pass(error: BaseException) -> bool:
    """Whether another try may succeed: the way was broken, or the store has too much to do."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ResponseStreamingError
    from botocore.exceptions import ConnectionError as Unreached
    from urllib3.exceptions import HTTPError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status == 429 or (status >= 500 and status != 501) or code_of(error) in _SPOILT
    if isinstance(error, BotoCoreError):
        return (
            isinstance(error, HTTPClientError | ResponseStreamingError | Unreached)
            and "SSL" not in type(error).__name__
        )
    return isinstance(error, HTTPError)


def _unreached(error: Exception) -> str:
    name = type(error).__name__
    known = {
        "EndpointConnectionError": f"nobody answers there; is {ENDPOINT} right, and is there a network",
        "ConnectTimeoutError": "it cannot be reached in time",
        "ReadTimeoutError": "it does not answer in time",
        "ConnectionClosedError": "it cut the connection",
        "SSLError": "its certificate is not to be trusted",
        "InvalidEndpointProvider": f"{ENDPOINT} is no address",
    }
    return known.get(name, f"{name}: {' '.join(str(error).split())[:150]}")
