"""Partition keys: `stop-signs__positive.clear_view` is project `stop-signs`, bucket `positive/clear_view`.

The key must lead back to exactly one project and bucket, on case-insensitive disks too; names for which it
would not are rejected here, when the project is loaded.
"""

from __future__ import annotations

import unicodedata

SEPARATOR = "__"
MAX_KEY_BYTES = 180  # a table file is `<key>.parquet.tmp-…`, and file names end at 255 bytes

_SIGNS = frozenset("_- ()&+'·")


def _writable(text: str) -> bool:
    """Letters and digits of any script with their combining marks, and a few signs."""
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LNM" for sign in text)


def name_problem(name: str) -> str | None:
    """Why a project name cannot be used, or None."""
    if not name.strip():
        return "is empty."
    if "/" in name or "." in name or not _writable(name):
        return f"'{name}' may hold letters, digits, spaces, '-' and '_' only (it names folders and partitions)."
    if SEPARATOR in name:
        return f"'{name}' holds '__', which parts project and bucket in partition keys; use one '_' or '-'."
    if name.startswith("_") or name.endswith("_") or name != name.strip():
        return f"'{name}' begins or ends with '_' or a space; that would not be told from the key's '__'."
    return None


def bucket_problem(bucket: str) -> str | None:
    """Why a bucket path cannot be used, or None."""
    if "." in bucket:
        return f"'{bucket}' holds '.', which stands for '/' in partition keys; use '_' or '-'."
    for part in bucket.split("/"):
        if not part:
            return f"'{bucket}' has an empty part; write it as 'positive/clear_view'."
        if part != part.strip() or not _writable(part):
            return f"'{bucket}' may hold letters, digits, spaces, '-', '_' and '/' only."
    return None


def partition_key(project: str, bucket: str) -> str:
    """The Dagster partition key of a bucket. Reversible by `split_key` for names that passed the checks."""
    return f"{project}{SEPARATOR}{bucket.replace('/', '.')}"


def split_key(key: str) -> tuple[str, str]:
    """Project name and bucket path of a partition key.

    Raises:
        ValueError: the text is no partition key.
    """
    project, separator, bucket = key.partition(SEPARATOR)
    if not separator or not project or not bucket:
        raise ValueError(f"'{key}' is not a partition key; one looks like 'stop-signs__positive.clear_view'.")
    return project, bucket.replace(".", "/")


def collision_form(bucket: str) -> str:
    """The form in which two bucket names are one: Unicode NFC, case folded (macOS disks know no other)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", bucket).casefold())
