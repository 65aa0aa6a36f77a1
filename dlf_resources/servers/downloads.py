"""How far the download of a model from Hugging Face is: the size of what lies in the cache."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where huggingface_hub keeps models (its `HF_HUB_CACHE` and `HF_HOME`)."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    home = os.environ.get("HF_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".cache" / "huggingface") / "hub"


def downloaded_bytes(model: str) -> int:
    """Bytes of a model in the cache, unfinished files too; 0 for a folder of the user's own."""
    blobs = cache_folder() / f"models--{model.replace('/', '--')}" / "blobs"
    try:
        return sum(file.stat().st_size for file in blobs.iterdir())
    except OSError:
        return 0


def on_disk(model: str) -> bool:
    """Whether a model is a folder here or has a finished download."""
    if Path(model).expanduser().is_dir():
        return True
    snapshots = cache_folder() / f"models--{model.replace('/', '--')}" / "snapshots"
    return snapshots.is_dir() and any(snapshots.glob("*/config.json"))
