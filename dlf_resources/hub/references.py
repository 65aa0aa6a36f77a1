"""A data set of others, downloaded from the Hub."""

from __future__ import annotations

from pathlib import Path

from dlf_resources.hub.session import HubError, checked_name, hub_api, hub_errors

_TABLES = ("*.parquet",)
_LABELS = ("*annotations*.json", "data.yaml", "labels/**")
MOST_BYTES = 20 << 30


def downloaded(repo: str, *, revision: str | None = None) -> Path:
    """The folder of a data set's tables, or labels, in the Hub's cache on this disk; what is there is not fetched anew.

    Raises:
        HubError: it cannot be had, holds neither, or is larger than 20 GB.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]

    checked_name(repo)
    api = hub_api(needs_token=False)
    with hub_errors(repo):
        tree = api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=revision)
        sizes = {entry.path: entry.size for entry in tree if isinstance(entry, RepoFile)}
        patterns = next(
            (kind for kind in (_TABLES, _LABELS) if any(filter_repo_objects(sizes, allow_patterns=list(kind)))), None
        )
        if patterns is None:
            raise HubError(f"{repo}: holds no Parquet and no COCO or YOLO labels that could be read.")
        wanted = sum(sizes[path] for path in filter_repo_objects(sizes, allow_patterns=list(patterns)))
        if wanted > MOST_BYTES:
            raise HubError(f"{repo}: is {wanted / 1e9:.0f} GB; download what you need of it and name its folder.")
        folder = snapshot_download(
            repo,
            repo_type="dataset",
            revision=revision,
            allow_patterns=list(patterns),
            token=api.token,
            endpoint=api.endpoint,
        )
    return Path(folder)
