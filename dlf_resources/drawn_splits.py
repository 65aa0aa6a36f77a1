"""Which image of a project is in which split, remembered in its store."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

from dlf_core.errors import StoreError
from dlf_core.project import Project
from dlf_core.splits import SplitItem, assign_splits
from dlf_resources.stores.base import Store

SPLITS_KEY = "labels/splits.json"


def drawn_splits(
    project: Project, store: Store, images: pa.Table, shares: Mapping[str, float] | None = None
) -> dict[str, str]:
    """Image id → split.

    Args:
        project: says the usual shares, the seed and which images belong together.
        store: remembers; other shares are remembered apart.
        images: rows of gather tables.
        shares: in place of the project's.
    """
    names = ("image_id", "phash", "group", "near_duplicates")
    rows = zip(*(images[name].to_pylist() for name in names), strict=True)
    items = [SplitItem(image_id, phash, group, near or ()) for image_id, phash, group, near in rows]
    with store.lock("splits", wait_seconds=60, purpose=f"the drawing of splits of project '{project.project_name}'"):
        return _drawn(project, store, items, shares)


def _drawn(
    project: Project, store: Store, items: list[SplitItem], shares: Mapping[str, float] | None
) -> dict[str, str]:
    chosen = project.splits
    key = SPLITS_KEY
    if shares is not None and shares != chosen.shares():
        key = f"labels/splits_{'_'.join(f'{name}-{share:g}' for name, share in shares.items())}.json"
    before = _before(store, key)
    splits = assign_splits(
        items, shares or chosen.shares(), seed=chosen.seed, radius=chosen.duplicate_radius, before=before
    )
    after = before | splits
    if after != before:
        store.put(key, json.dumps(after, sort_keys=True, indent=0).encode())
    return splits


def _before(store: Store, key: str) -> dict[str, str]:
    if not store.exists(key):
        return {}
    try:
        return {str(image): str(split) for image, split in json.loads(store.get(key)).items()}
    except (ValueError, AttributeError):
        text = f"{store.address(key)}: is damaged; restore it, or delete it and let every image draw its split anew."
        raise StoreError(text) from None
