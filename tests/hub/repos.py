"""Repositories of data sets: files at every commit, as git and Git LFS name them."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

Row = dict[str, Any]

LARGE = 10 * 1024 * 1024
LFS_PATTERNS = (
    *("*.7z", "*.arrow", "*.bin", "*.bz2", "*.gz", "*.npy", "*.npz", "*.parquet", "*.pickle", "*.pkl", "*.tar"),
    *("*.tgz", "*.xz", "*.zip", "*.zst", "*.mp4", "*.webm"),
    *("*.bmp", "*.gif", "*.png", "*.tiff", "*.jpg", "*.jpeg", "*.webp"),
)
ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS).encode()


def git_id(content: bytes, kind: str = "blob") -> str:
    return hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(content), content)).hexdigest()


@dataclass(frozen=True)
class File:
    """A file at a commit; of one in LFS, git holds only a pointer."""

    content: bytes
    lfs: bool = False

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        lines = "version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}", f"size {len(self.content)}"
        return "".join(f"{line}\n" for line in lines).encode()

    @cached_property
    def blob_id(self) -> str:
        return git_id(self.pointer if self.lfs else self.content)

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob_id

    def listed(self, path: str) -> Row:
        """The row of a listing of files."""
        row: Row = {"type": "file", "oid": self.blob_id, "size": len(self.content), "path": path}
        if self.lfs:
            row["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": len(self.pointer)}
        return row


@dataclass(frozen=True)
class Operation:
    """One line of a commit: `file`, `lfsFile`, `deletedFile` or `deletedFolder`, and the path that it is about."""

    kind: str
    path: str


@dataclass(frozen=True)
class Commit:
    """A commit, with all files of the repository as they are after it."""

    oid: str
    parent: str | None
    summary: str
    description: str
    operations: Sequence[Operation]
    files: Mapping[str, File]
    at: datetime.datetime


@dataclass
class Repo:
    """A repository; its commits lie on one branch, `main`, the oldest first.

    Attributes:
        uploaded: oid → what lies in the large file storage, whether a commit names it or not.
    """

    repo_id: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    uploaded: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commit("initial commit", "", {".gitattributes": File(ATTRIBUTES)}, [Operation("file", ".gitattributes")])

    @property
    def namespace(self) -> str:
        return self.repo_id.partition("/")[0]

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def at(self, revision: str) -> Commit | None:
        if revision in ("main", "refs/heads/main"):
            return self.head
        return next((commit for commit in self.commits if commit.oid == revision), None)

    def commit(
        self, summary: str, description: str, files: Mapping[str, File], operations: Sequence[Operation]
    ) -> Commit:
        parent = self.commits[-1].oid if self.commits else None
        named = "".join(f"{path} {file.blob_id}\n" for path, file in sorted(files.items()))
        text = f"{self.repo_id}\n{parent}\n{len(self.commits)}\n{summary}\n{named}"
        now = datetime.datetime.now(datetime.UTC)
        made = Commit(git_id(text.encode(), "commit"), parent, summary, description, list(operations), dict(files), now)
        self.commits.append(made)
        return made

    def goes_to_lfs(self, path: str, size: int, sample: bytes) -> bool:
        """By its name, its size, or because its first bytes are no text."""
        name = path.rpartition("/")[2]
        return size >= LARGE or any(fnmatchcase(name, pattern) for pattern in LFS_PATTERNS) or not _is_text(sample)

    def tree(self, commit: Commit, folder: str, recursive: bool) -> list[Row] | None:
        """The files and folders in a folder, by path; None without such a folder."""
        prefix = f"{folder}/" if folder else ""
        inside = {path: file for path, file in commit.files.items() if path.startswith(prefix)}
        if folder and not inside:
            return None
        rows: dict[str, Row] = {}
        for path, file in inside.items():
            above = path[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(above) + 1):
                name = prefix + "/".join(above[:depth])
                if recursive or depth == 1:
                    rows[name] = {"type": "directory", "oid": git_id(name.encode(), "tree"), "size": 0, "path": name}
            if recursive or not above:
                rows[path] = file.listed(path)
        return [rows[path] for path in sorted(rows)]


def changed(files: Mapping[str, File], lines: Sequence[tuple[Operation, File | None]]) -> dict[str, File] | str:
    """The files after a commit's lines, or the path that a line would delete and that is not there."""
    after = dict(files)
    for operation, file in lines:
        if file is not None:
            after[operation.path] = file
        elif operation.kind == "deletedFile":
            if after.pop(operation.path, None) is None:
                return operation.path
        else:
            folder = operation.path.rstrip("/") + "/"
            after = {path: kept for path, kept in after.items() if not path.startswith(folder)}
    return after


def _is_text(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # the sample ends within a letter
    return b"\0" not in sample
