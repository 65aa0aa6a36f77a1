"""A data set of others, downloaded from the Hub."""

from __future__ import annotations

from pathlib import Path

from dlf_resources.hub.session import HubError, checked_name, hub_api, hub_errors, patiently

_TABLES = ("*.parquet",)
_COCO = ("*annotations*.json",)
# With its pictures: only they tell their size.
_YOLO = ("data.yaml", "boxes/*.jsonl", "labels/*", "*/labels/*", "images/*", "*/images/*")
MOST_BYTES = 20 << 30


def downloaded(repo: str, *, revision: str | None = None) -> Path:
    """The folder of a data set's tables or labels, or its one COCO file; what is in the cache is not fetched anew.

    Raises:
        HubError: it cannot be had, holds neither, or is larger than 20 GB.
    """
    checked_name(repo)
    from huggingface_hub import snapshot_download
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils import disable_progress_bars, filter_repo_objects  # type: ignore[attr-defined]

    disable_progress_bars()
    api = hub_api(needs_token=False)
    with hub_errors(repo):
        tree = patiently(lambda: list(api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=revision)))
        sizes = {entry.path: entry.size for entry in tree if isinstance(entry, RepoFile)}
        kinds = (_TABLES, _COCO, *([_YOLO] if "data.yaml" in sizes else []))
        found = ((kind, list(filter_repo_objects(sizes, allow_patterns=list(kind)))) for kind in kinds)
        patterns, paths = next((both for both in found if both[1]), ((), []))
        if not paths:
            raise HubError(f"{repo}: holds no Parquet and no COCO or YOLO labels that could be read.")
        elsewhere = patterns is _COCO and not any("/" not in path for path in paths)
        if elsewhere and len(paths) > 1:
            raise HubError(f"{repo}: holds several COCO files ({', '.join(paths[:5])}); download one and name it.")
        wanted = sum(sizes[path] for path in paths)
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
    return Path(folder, paths[0]) if elsewhere else Path(folder)
