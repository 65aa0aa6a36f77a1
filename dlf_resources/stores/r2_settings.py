"""Where a project's objects lie: what the YAML and the environment say."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dlf_core.errors import StoreError
from dlf_core.project import Project

ENDPOINT, KEY, SECRET, BUCKET = "R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET"


_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
STORE = "DLF_STORE"
"""Moves every project's data, as DLF_DATA_ROOT does."""


@dataclass(frozen=True, slots=True)
class R2Settings:
    """A bucket, who asks, and the prefixes below which a project's keys lie."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    raw_prefix: str = "raw/"
    labels_prefix: str = "labels/"
    reviews_key: str = "labels/reviews.json"
    cache_bytes: int = 20 << 30

    @property
    def host(self) -> str:
        """The endpoint's host, for messages."""
        return urlsplit(self.endpoint).netloc


def wanted_store(project: Project, environment: Mapping[str, str] = os.environ) -> str:
    """`local` or `r2`: what DLF_STORE says, or `store:`; else R2, if the YAML has `r2:` and any variable of it is set.

    Raises:
        StoreError: DLF_STORE names no store.
    """
    if said := environment.get(STORE, "").strip():
        if said not in ("local", "r2"):
            raise StoreError(f"{STORE} is '{said}'; set it to local or r2, or unset it.")
        return said
    if project.store is not None:
        return project.store
    told = any(environment.get(name, "").strip() for name in (ENDPOINT, KEY, SECRET))
    return "r2" if "r2" in project.model_fields_set and told else "local"


def r2_settings(project: Project, environment: Mapping[str, str] = os.environ) -> R2Settings:
    """The project's bucket.

    Raises:
        StoreError: a variable is missing, or the endpoint is no address.
    """
    said = {name: (environment.get(name) or "").strip() for name in (ENDPOINT, KEY, SECRET, BUCKET)}
    bucket = project.r2.bucket or said[BUCKET]
    missing = [name for name in (ENDPOINT, KEY, SECRET) if not said[name]]
    if not bucket:
        missing.append(f"{BUCKET} (or r2.bucket in the YAML)")
    if missing:
        one = len(missing) == 1
        what = missing[0] if one else f"{', '.join(missing[:-1])} and {missing[-1]}"
        way_out = f"set {'it' if one else 'them'}, or write 'store: local' in {project.file.name}"
        wish = f"project '{project.project_name}' is to keep its data in R2"
        raise StoreError(f"{wish}, and {what} {'is' if one else 'are'} not set; {way_out}.")
    endpoint = said[ENDPOINT].rstrip("/")
    if not _is_address(endpoint):
        text = f"{ENDPOINT} is not an address such as https://<account>.r2.cloudflarestorage.com; set it to one."
        raise StoreError(text)
    if urlsplit(endpoint).path.endswith(f"/{bucket}"):  # as Cloudflare shows it
        raise StoreError(f"{ENDPOINT} ends with the bucket '{bucket}'; leave it out there.")
    chosen = project.r2
    raw, labels = _folder(chosen.raw_prefix), _folder(chosen.labels_prefix)
    if raw.startswith(labels) or labels.startswith(raw) or "/" in (raw, labels):
        text = f"r2.raw_prefix '{chosen.raw_prefix}' and r2.labels_prefix '{chosen.labels_prefix}'"
        raise StoreError(f"{project.file}: {text} lie within one another; give each a folder of its own.")
    return R2Settings(
        endpoint,
        said[KEY],
        said[SECRET],
        bucket,
        raw,
        labels,
        chosen.reviews_prefix.lstrip("/"),
        int(chosen.cache_gb * 2**30),
    )


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        parts.port  # noqa: B018  # it is read when it is asked for
    except ValueError:
        return False
    plain = _HOST.fullmatch(parts.hostname or "") and not (parts.username or parts.query or parts.fragment)
    return parts.scheme in ("http", "https") and bool(plain)


def _folder(prefix: str) -> str:
    return prefix.strip("/") + "/"
