"""What the search services have in common: they are remote, take `queries:`, and their pictures are downloaded."""

from __future__ import annotations

from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate, Surroundings


class WebSource:
    """Base of the search services."""

    name = ""
    remote = True
    recalls = False

    def __init__(self, surroundings: Surroundings):
        self.connection = surroundings.connection
        self.warn = surroundings.warn
        self.usual: int | None = surroundings.project.web.max_per_query

    def lines(self, bucket: Bucket) -> list[str]:
        """The bucket's `queries`."""
        return list(dict.fromkeys(bucket.queries))

    async def fetch(self, candidate: Candidate, max_bytes: int) -> bytes:
        """Download the picture."""
        return (await self.connection.web.get(candidate.url, max_bytes)).body
