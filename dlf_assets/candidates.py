"""What a bucket's sources offer now, together with what they offered before: the work of a gather."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pyarrow as pa

from dlf_assets.stage import Bucket
from dlf_core.errors import FactoryError
from dlf_core.licenses import License, identify
from dlf_core.memo import memo_key
from dlf_core.project import Project
from dlf_resources.images import Limits
from dlf_resources.progress import Reporter
from dlf_resources.sources import Candidate, Source
from dlf_resources.sources.searching import Asking, Search, search
from dlf_resources.stores.searches import Searches
from dlf_resources.web.connection import Connection

STAGE = "gather"
_REMEMBERED_COLUMNS = (
    *("source", "query", "url", "page", "title", "author", "license", "license_url", "attribution", "group"),
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A candidate, its place among the bucket's, the key of its row, and its licence.

    Attributes:
        refused: its licence is not among those the project takes.
    """

    candidate: Candidate
    order: int
    key: str
    license: License
    refused: bool


class Turns(Protocol):
    """Lets one process at a time ask a source."""

    def __call__(self, source: str) -> AbstractContextManager[object]:
        """Held while the source is asked."""
        ...

    def stop(self) -> None:
        """Let nobody wait any longer."""
        ...


def searched(
    bucket: Bucket,
    sources: Sequence[Source],
    connection: Connection,
    most: int | None,
    turns: Turns,
    reporter: Reporter,
) -> list[Search]:
    """Ask all sources, beside each other; in the project's order.

    Raises:
        SourceError: a line of the YAML leads nowhere.
    """
    wanted = bucket.project.buckets[bucket.name]
    memory = Searches(bucket.store, bucket.key)
    asking = Asking(wanted, most, memory, reporter, turns)
    asked = [source for source in sources if source.lines(wanted)]
    found: dict[str, list[Search]] = {}
    failed: dict[str, Exception] = {}
    outcomes = bucket.engine.map(
        lambda source: search(source, asking),
        asked,
        max_in_flight=max(1, len(asked)),
        within=connection.open,
        threads=max(4, 2 * len(asked)),
        fatal=(FactoryError,),
    )
    with closing(outcomes):
        try:
            for outcome in outcomes:
                if outcome.error is not None:
                    failed[outcome.item.name] = outcome.error
                else:
                    found[outcome.item.name] = outcome.result or []
        except BaseException:
            turns.stop()  # the engine waits for its threads, and one of them may wait for its turn
            raise
    for source in asked:
        if source.name in failed:
            raise failed[source.name]
    return [one for source in asked for one in found[source.name]]


def numbered(
    bucket: Bucket,
    sources: Sequence[Source],
    searches: Sequence[Search],
    earlier: pa.Table,
    limits: Limits,
) -> list[Numbered]:
    """Every candidate once: those found now, then those of remote sources that were found before."""
    found: dict[str, Candidate] = {}
    at: dict[str, str] = {}  # address on the web → the candidate that stands for it
    for candidate in itertools.chain.from_iterable(one.candidates for one in searches):
        known = at.get(candidate.url)
        if known is None:
            found.setdefault(candidate.candidate_id, candidate)
            at[candidate.url] = candidate.candidate_id
        elif found[known].license is None and candidate.license is not None:
            # Two services found the same picture, and only one of them knows whose it is.
            found[known] = _with_rights(found[known], candidate)
    for candidate in _offered_before(bucket, sources, earlier):
        known = at.get(candidate.url)
        if known is None:
            found.setdefault(candidate.candidate_id, candidate)
        elif found[known].license is None and candidate.license is not None:
            found[known] = _with_rights(found[known], candidate)  # who knew it finds the picture no more
    return [_numbered(bucket, candidate, order, limits) for order, candidate in enumerate(found.values())]


def _numbered(bucket: Bucket, candidate: Candidate, order: int, limits: Limits) -> Numbered:
    project = bucket.project
    license_ = identify(candidate.license, candidate.license_url)
    is_refused = refused(project, candidate.url, candidate.license, license_)
    more: dict[str, Any] = {}
    if is_refused:
        more["refused"] = True
    if not project.web.respect_opt_outs:
        more["opt_outs"] = False
    key = memo_key(
        STAGE,
        candidate=candidate.candidate_id,
        version=candidate.version,
        limits=[limits.min_side, limits.max_pixels, limits.max_bytes],
        **more,
    )
    return Numbered(candidate, order, key, license_, is_refused)


def refused(project: Project, url: str, said: str | None, license_: License) -> bool:
    """Whether a picture's licence is not among those the project takes.

    Files of one's own about which nothing is said are nobody else's.
    """
    ours = url.startswith("file:") and said is None
    return project.licenses is not None and license_.family not in project.licenses and not ours


def _offered_before(bucket: Bucket, sources: Sequence[Source], earlier: pa.Table) -> Iterator[Candidate]:
    """Candidates of earlier gathers whose line still stands in the YAML."""
    wanted = bucket.project.buckets[bucket.name]
    lines = {(source.name, line) for source in sources if source.remote for line in source.lines(wanted)}
    if not lines or not len(earlier):
        return
    for row in earlier.select([*_REMEMBERED_COLUMNS, "order"]).sort_by("order").to_pylist():
        # Of a video file here, all its frames are offered now; others were of other settings or of another file.
        if (row["source"], row["query"]) in lines and not row["url"].startswith("file:"):
            del row["order"]
            yield Candidate(**row)


def _with_rights(kept: Candidate, told: Candidate) -> Candidate:
    names = ("page", "author", "license", "license_url", "attribution")
    return replace(kept, **{name: getattr(told, name) for name in names})
