"""A part of a bucket that one test has for itself, and the stores of those who share it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlf_core.image_ids import image_id_of
from dlf_resources.stores.r2 import R2Store
from dlf_resources.stores.r2_settings import R2Settings
from object_store.seaweed import ObjectStore


@dataclass
class Corner:
    """A part of a bucket that one test has for itself.

    Attributes:
        client: of boto3, that asks the server itself.
        folder: below it each store has a root of its own.
    """

    server: ObjectStore
    client: Any
    bucket: str
    prefix: str
    folder: Path
    _roots: Iterator[int] = field(default_factory=itertools.count)

    def settings(self, endpoint: str | None = None, **more: Any) -> R2Settings:
        within = {
            "raw_prefix": f"{self.prefix}raw/",
            "labels_prefix": f"{self.prefix}labels/",
            "reviews_key": f"{self.prefix}reviews.json",
        }
        who = {"access_key": self.server.access_key, "secret_key": self.server.secret_key, "bucket": self.bucket}
        return R2Settings(endpoint or self.server.endpoint_url, **(who | within | more))

    def store(
        self, endpoint: str | None = None, *, root: Path | None = None, project: str = "tiny", **more: Any
    ) -> R2Store:
        """A store as a process on a machine of its own has it; `root` makes it the same machine."""
        root = root or self.folder / f"machine-{next(self._roots)}"
        return R2Store(root, self.settings(endpoint, **more), project)

    def objects(self) -> dict[str, int]:
        """Name without the prefix → bytes of everything that lies there."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        found = (entry for page in pages for entry in page.get("Contents", ()))
        return {entry["Key"].removeprefix(self.prefix): entry["Size"] for entry in found}

    def head(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = self.client.head_object(Bucket=self.bucket, Key=self.prefix + name)
        return told

    def read(self, name: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        """As somebody else would, who knows nothing of us."""
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=content)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + name)

    def unfinished_uploads(self) -> list[str]:
        told = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=self.prefix)
        return [upload["Key"].removeprefix(self.prefix) for upload in told.get("Uploads", ())]


def image_key(content: bytes, bucket: str = "positive/x") -> str:
    """Where an image of these bytes lies."""
    return f"raw/{bucket}/{image_id_of(content)}.jpg"
