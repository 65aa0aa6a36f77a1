"""A folder becomes a data set on the Hub, in one commit."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from dlf_resources.hub.session import HubError, hub_api, hub_errors, patiently

AT_ONCE = 20
_BLOCK = 1 << 20


class Change(StrEnum):
    """What publishing does with a file."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "unchanged"
    GONE = "deleted"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of the folder, or one that is to go from the Hub."""

    path: str
    bytes: int
    change: Change


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing a folder would do.

    Attributes:
        exists: the data set is there already.
        private: whether it is, if it is there.
        head: the commit that was looked at.
    """

    repo: str
    folder: Path
    files: Sequence[PublishedFile]
    exists: bool = False
    private: bool | None = None
    head: str | None = None

    @property
    def todo(self) -> list[PublishedFile]:
        """Files that are not on the Hub as they are here."""
        return [file for file in self.files if file.change is not Change.SAME]


def plan_of(repo: str, folder: Path) -> Plan:
    """Compare a folder with a data set on the Hub. Writes nothing there.

    Raises:
        HubError: the Hub cannot be asked.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    api = hub_api(needs_token=True)
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    here = {file.relative_to(folder).as_posix(): file for file in files}
    there: dict[str, Any] = {}
    exists, private, head = False, None, None
    with hub_errors(repo):
        try:
            info = patiently(lambda: api.dataset_info(repo))
            exists, private, head = True, bool(info.private), info.sha
            tree = patiently(lambda: list(api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=head)))
            there = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
        except GatedRepoError:  # it is there, although it counts as not found
            raise
        except RepositoryNotFoundError:
            pass
    found = [PublishedFile(path, file.stat().st_size, _change(file, there.get(path))) for path, file in here.items()]
    for path, entry in there.items():
        # Only what a publishing of ours left there: what people have added stays.
        if path not in here and path.startswith(("data/", "plots/")):
            found.append(PublishedFile(path, entry.size, Change.GONE))
    return Plan(repo, folder, found, exists, private, head)


def publish(plan: Plan, *, private: bool, message: str, progress: Callable[[int, int], None]) -> str:
    """Carry a plan out; the commit's address, or the data set's when there was nothing to do.

    Large files go first, and are not sent again when a try that broke off is repeated; then one commit makes all of it
    visible at once.

    Raises:
        HubError: it cannot be carried out; on the Hub everything is as it was, but a new data set may be there, empty.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    api = hub_api(needs_token=True)
    disable_progress_bars()
    with hub_errors(plan.repo):
        if not plan.exists:
            # One that somebody has made since is refused: what lies there nobody has looked at.
            api.create_repo(plan.repo, repo_type="dataset", private=private)
        adds = [
            CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=str(plan.folder / file.path))
            for file in plan.todo
            if file.change is not Change.GONE
        ]
        gone = [CommitOperationDelete(path_in_repo=file.path) for file in plan.todo if file.change is Change.GONE]
        if not adds and not gone:
            return f"{api.endpoint}/datasets/{plan.repo}"
        done = 0
        turns = iter(adds)
        while batch := list(itertools.islice(turns, AT_ONCE)):
            api.preupload_lfs_files(plan.repo, batch, repo_type="dataset", free_memory=False)
            done += len(batch)
            progress(done, len(adds))
        try:
            made = api.create_commit(
                plan.repo, [*gone, *adds], commit_message=message, repo_type="dataset", parent_commit=plan.head
            )
            return str(made.commit_url)
        except Exception:
            if _is_done(plan):  # the commit was made, and only its answer was lost
                return f"{api.endpoint}/datasets/{plan.repo}"
            raise


def _is_done(plan: Plan) -> bool:
    try:
        return not plan_of(plan.repo, plan.folder).todo
    except HubError:
        return False


def _change(file: Path, entry: Any) -> Change:
    if entry is None:
        return Change.NEW
    if entry.size != file.stat().st_size:
        return Change.CHANGED
    same = _sha256(file) == entry.lfs.sha256 if entry.lfs is not None else _git_id(file) == entry.blob_id
    return Change.SAME if same else Change.CHANGED


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _git_id(file: Path) -> str:
    """The name git gives the bytes (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    digest = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
