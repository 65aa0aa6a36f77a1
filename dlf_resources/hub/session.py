"""Who asks the Hub, and its errors as sentences. No text of ours has the token in it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from dlf_core.errors import FactoryError

# The client would tell its maker what it is used for.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
TRIES = 4
PAUSE = wait_random_exponential(1, max=8)
_Answer = TypeVar("_Answer")
_TOKEN = re.compile(r"[!-~]+")
_SECRET = re.compile(r"hf_[A-Za-z0-9]+")


class HubError(FactoryError):
    """The Hub cannot be asked, or refuses."""


def need_client() -> None:
    """Have the client.

    Raises:
        HubError: it is not installed.
    """
    try:
        import huggingface_hub  # noqa: F401
    except ModuleNotFoundError:
        raise HubError("the Hub needs huggingface_hub; run `pip install 'data-label-factory[hub]'`.") from None


def hub_api(*, needs_token: bool) -> Any:
    """The client, with the user's token.

    Raises:
        HubError: it is not installed, or there is no token and one is needed, or the token is none.
    """
    need_client()
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils import logging as hub_logging

    hub_logging.set_verbosity_error()
    with hub_errors("the token"):
        token = get_token()
    if token is None and needs_token:
        raise HubError("there is no token for the Hub; set HF_TOKEN or run `hf auth login`.")
    if token is not None and not _TOKEN.fullmatch(token):
        raise HubError("HF_TOKEN holds signs that no token has (a blank, a line break?); set it again.")
    return HfApi(token=token if token is not None else False)


def checked_name(name: str) -> str:
    """A repository's name, `user/name`.

    Raises:
        HubError: it is none.
    """
    need_client()
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # documented as public

    with contextlib.suppress(HFValidationError):
        validate_repo_id(name)
        if name.count("/") == 1:
            return name
    raise HubError(f"'{name}' is no name of a repository; write user/name of letters, digits, '-', '_' and '.'.")


def patiently(ask: Callable[[], _Answer]) -> _Answer:
    """Ask again where the client would give up: when the Hub says 5xx, or does not answer."""
    from huggingface_hub.errors import HfHubHTTPError

    def passes(error: BaseException) -> bool:
        if isinstance(error, HfHubHTTPError):
            return error.response is not None and error.response.status_code >= 500
        return isinstance(error, (*_network_errors(), ConnectionError, TimeoutError))

    again = Retrying(retry=retry_if_exception(passes), stop=stop_after_attempt(TRIES), wait=PAUSE, reraise=True)
    return again(ask)


@contextlib.contextmanager
def hub_errors(what: str) -> Iterator[None]:
    """Turn the client's errors into sentences.

    Args:
        what: what was asked for, for the message.

    Raises:
        HubError: in place of what the client raises.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
    )

    unreached: tuple[type[Exception], ...] = (*_network_errors(), ConnectionError, TimeoutError)
    try:
        yield
    except HubError:
        raise
    except GatedRepoError:
        raise HubError(f"{what}: its owner must let you in first; ask there, and set HF_TOKEN.") from None
    except RepositoryNotFoundError:
        raise HubError(f"{what}: there is no such data set, or it is private and HF_TOKEN may not see it.") from None
    except LocalEntryNotFoundError:
        raise HubError(f"{what}: the Hub cannot be reached; is there a network?") from None
    except RemoteEntryNotFoundError:
        raise HubError(f"{what}: has no such file.") from None
    except HfHubHTTPError as error:
        raise HubError(f"{what}: {_refusal(error)}") from None
    except unreached as error:
        said = _without_secrets(str(error))
        raise HubError(f"{what}: the Hub cannot be reached ({type(error).__name__}: {said}); try again.") from None
    except (RuntimeError, ValueError, OSError) as error:
        said = _without_secrets(str(error))
        raise HubError(f"{what}: {said or type(error).__name__}; what was uploaded is kept, try again.") from None


def _refusal(error: Any) -> str:
    status = error.response.status_code if error.response is not None else None
    said = _without_secrets(error.server_message or "")
    known = {
        401: "HF_TOKEN is not valid (any more); make a new one and set it.",
        403: f"HF_TOKEN may not do that{f' ({said})' if said else ''}; use one that may write there.",
        409: "somebody else changes it just now; try again.",
        412: "somebody else has changed it meanwhile; try again.",
        429: "the Hub wants to be asked less; try again in some minutes.",
    }
    return known.get(status or 0, f"the Hub answered {status}{f' ({said})' if said else ''}; try again.")


def _network_errors() -> tuple[type[Exception], ...]:
    found: list[type[Exception]] = []
    for name in ("httpx2", "httpx"):  # which of them the client uses depends on its version
        with contextlib.suppress(ModuleNotFoundError):
            found.append(__import__(name).HTTPError)
    return tuple(found)


def _without_secrets(text: str) -> str:
    from huggingface_hub import get_token

    # The user's own may look like no other: those of organisations do.
    with contextlib.suppress(OSError, ValueError):
        if token := get_token():
            text = text.replace(token, "…")
    return " ".join(_SECRET.sub("hf_…", text).split())[:200]
