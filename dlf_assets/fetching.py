"""One candidate fetched: an image in the store, or a row that says why not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dlf_assets.candidates import Numbered
from dlf_assets.stage import Bucket, now, sentence
from dlf_core.candidate_states import CandidateState, may_pass
from dlf_core.errors import ImageRejected, StoreError, Unfetched
from dlf_core.image_ids import image_id_of
from dlf_core.records import Image
from dlf_resources.images import Limits
from dlf_resources.intake.workers import Intake
from dlf_resources.sources import Source
from dlf_resources.stores.journal import Journal

_OF_REJECTED = ("http_status", "image_id", "sha256", "bytes")
_OF_BYTES = (*("image_id", "sha256", "bytes", "width", "height", "format", "phash", "phash_mirrored", "fingerprint"),)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches the candidates of one bucket.

    Attributes:
        stored: address → path of the image that an earlier gather kept of it; such are not downloaded again.
        journal: told of every candidate that was decided.
        decided: what a gather that was killed had noted there.
        again: rejected candidates are asked again; what was noted before that does not count.
    """

    bucket: Bucket
    sources: Mapping[str, Source]
    intake: Intake
    limits: Limits
    stored: Mapping[str, str]
    journal: Journal
    decided: Mapping[str, Mapping[str, Any]]
    again: bool = False

    async def fetch(self, item: Numbered) -> list[Image]:
        """The candidate's row."""
        began = time.perf_counter()
        if item.refused:
            families = ", ".join(self.bucket.project.licenses or ())
            reason = f"its licence is '{item.license.name}'; licenses: takes {families}"
            return [self._row(item, CandidateState.LICENSE_REFUSED, reason, began)]
        before = self.decided.get(item.candidate.candidate_id, {})
        stands = before.get("memo_key") == item.key and (before.get("again") or not self.again)
        if stands and before.get("path") is None:
            known = {name: before.get(name) for name in _OF_REJECTED}
            return [self._row(item, str(before["state"]), before.get("reason"), began, **known)]
        try:
            content = await self._content(item, before.get("path"))
        except ImageRejected as rejected:
            status = rejected.status if isinstance(rejected, Unfetched) else None
            return [self._noted(self._row(item, rejected.state, rejected.reason, began, http_status=status))]
        return [self._noted(await self._judged(item, content, began))]

    def failed(self, item: Numbered, error: Exception, seconds: float) -> list[Image]:
        """The row of a candidate whose work raised what nobody foresaw."""
        row = self._row(item, CandidateState.UNREADABLE, sentence(error), time.perf_counter() - seconds)
        return [row]

    async def _content(self, item: Numbered, noted: str | None) -> bytes:
        path = noted or self.stored.get(item.candidate.url)
        if path is not None:
            # What is gone, or no longer whole, is fetched again.
            with contextlib.suppress(StoreError):
                content = await asyncio.to_thread(self.bucket.store.get, path)
                if image_id_of(content) == PurePosixPath(path).stem:
                    return content
        return await self.sources[item.candidate.source].fetch(item.candidate, self.limits.max_bytes)

    def _noted(self, row: Image) -> Image:
        """The row; the journal has it unless another try may mend it."""
        if not may_pass(row.state, row.http_status) and not row.url.startswith("file:"):
            names = ("memo_key", "state", "reason", "path", *_OF_REJECTED)
            self.journal.note(row.candidate_id, {name: getattr(row, name) for name in names} | {"again": self.again})
        return row

    async def _judged(self, item: Numbered, content: bytes, began: float) -> Image:
        folder = f"raw/{self.bucket.name}"
        try:
            found = await self.intake.take_in(content, self.bucket.store.folder(folder))
        except ImageRejected as rejected:
            return self._row(item, rejected.state, rejected.reason, began)
        known = {name: getattr(found, name) for name in _OF_BYTES}
        if found.file is not None:
            known["path"] = f"{folder}/{found.file}"
            if self.bucket.store.name != "local":
                await asyncio.to_thread(self.bucket.store.placed, known["path"])
        return self._row(item, found.state, found.reason, began, **known)

    def _row(self, item: Numbered, state: str, reason: str | None, began: float, **known: Any) -> Image:
        candidate = item.candidate
        return Image(
            candidate_id=candidate.candidate_id,
            memo_key=item.key,
            bucket=self.bucket.name,
            state=str(state),
            reason=reason,
            source=candidate.source,
            query=candidate.query,
            url=candidate.url,
            order=item.order,
            page=candidate.page,
            title=candidate.title,
            author=candidate.author,
            license=candidate.license,
            license_url=candidate.license_url or item.license.url,
            license_family=item.license.family,
            attribution=candidate.attribution,
            group=candidate.group,
            fetched_at=now(),
            seconds=time.perf_counter() - began,
            **known,
        )
