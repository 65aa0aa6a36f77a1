"""Every error a user may meet, in one tree.

FactoryError                     one sentence for the user; the CLI prints it and exits 1
├── ProjectError                 the YAML is wrong: file, key and line
├── ImageRejected                the bytes are not an image we take: a state and a reason
│   └── Unfetched                they could not or must not be had from the web
├── BackendError                 a model backend cannot do what was asked
│   ├── BackendUnavailable       not installed, not running, or not in this version
│   └── QueryNotKnown            the backend has no class for a query
├── SourceError                  a source of images cannot be read
│   └── SourceThrottled          a search service wants to be asked less
├── FormatError                  a data-set file of others cannot be read
├── Stopped                      the user pressed Ctrl-C; exit 130
└── StoreError                   data cannot be read or written
    ├── StoreConflict            somebody else has written it meanwhile
    ├── StoreUnreached           the store cannot be reached, or refuses: no file's fault
    └── PartitionBusy            another run is writing the same partition
"""

from __future__ import annotations

from pathlib import Path


class FactoryError(Exception):
    """Base of all errors whose text is meant for the user: one clear sentence and the way out."""


class ProjectError(FactoryError):
    """A project YAML cannot be used.

    Args:
        path: the YAML file.
        problems: `(line or None, sentence)` for each thing that is wrong, in file order.
    """

    def __init__(self, path: Path | str, problems: list[tuple[int | None, str]]):
        self.path = Path(path)
        self.problems = problems
        super().__init__("\n".join(f"{path}{f':{line}' if line else ''}: {text}" for line, text in problems))


class ImageRejected(FactoryError):
    """Bytes that do not become an image of the data set.

    Args:
        state: one of `candidate_states.CandidateState`, never `kept`.
        reason: what is wrong, for the table's `reason` column.
    """

    def __init__(self, state: str, reason: str):
        self.state = state
        self.reason = reason
        super().__init__(f"{state}: {reason}")


class Unfetched(ImageRejected):
    """Bytes that could not or must not be had from the web.

    Args:
        state: one of `candidate_states.CandidateState`.
        reason: why, for the table's `reason` column; never with a secret in it.
        status: the HTTP status of an answer without success.
        retry_after: seconds the host asks to wait.
    """

    def __init__(self, state: str, reason: str, status: int | None = None, retry_after: float | None = None):
        self.status = status
        self.retry_after = retry_after
        super().__init__(state, reason)


class BackendError(FactoryError):
    """A model backend cannot do what was asked.

    Args:
        text: the sentence.
        status: the HTTP status of a server that answered without success.
    """

    def __init__(self, text: str, status: int | None = None):
        self.status = status
        super().__init__(text)


class BackendUnavailable(BackendError):
    """The backend is not installed, not running, or not part of this version."""


class QueryNotKnown(BackendError):
    """The backend knows a fixed list of classes and the query is none of them."""


class SourceError(FactoryError):
    """A source of images cannot be read at all."""


class SourceThrottled(SourceError):
    """A search service wants to be asked less, or later."""


class FormatError(FactoryError):
    """A data-set file cannot be read."""


class Stopped(FactoryError):
    """The user stopped the work; what was computed is kept."""


class StoreError(FactoryError):
    """Data cannot be read or written; names the file and the way out."""


class StoreConflict(StoreError):
    """A key is no longer at the version that a write was made for."""


class StoreUnreached(StoreError):
    """A store that is not on this disk cannot be reached, or refuses; every other key would meet the same."""


class PartitionBusy(StoreError):
    """Another run is writing the same stage of the same partition."""
