"""Which image goes to train, val or test: by image group, seeded, and stable when images are added.

A group is what must not straddle two splits: near-duplicates (perceptual hashes within a radius) and the
frames of one video. An image keeps the split it once got; a new image joins the split of its group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dlf_core.hash_index import HashIndex


@dataclass(frozen=True, slots=True)
class SplitItem:
    """What decides an image's split.

    Attributes:
        image_id: the image.
        phash: 16 hex digits, or None when there is none.
        group: a name shared by images that belong together whatever they look like (a video), or None.
        near_duplicates: ids of images of the same picture, as gather found them; they need not be items.
    """

    image_id: str
    phash: str | None
    group: str | None
    near_duplicates: Sequence[str] = ()


def groups(items: Sequence[SplitItem], radius: int) -> list[list[str]]:
    """Images that belong together, transitively: equal `group`, near-duplicates, or hashes within `radius` bits.

    Returns:
        Groups of image ids, each sorted, sorted by their first id.
    """
    parent = list(range(len(items)))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(first: int, second: int) -> None:
        parent[find(first)] = find(second)

    place = {item.image_id: index for index, item in enumerate(items)}
    known: dict[str, int] = {}
    for index, item in enumerate(items):
        for other in item.near_duplicates:
            # Of two pictures that are both like a third which is no item, each joins the other through it.
            join(index, place.get(other, known.setdefault(other, index)))
    named: dict[str, int] = {}
    for index, item in enumerate(items):
        if item.group is not None:
            join(index, named.setdefault(item.group, index))
    by_hash: dict[int, int] = {}
    for index, item in enumerate(items):
        if item.phash is not None:
            join(index, by_hash.setdefault(int(item.phash, 16), index))
    hashed = list(by_hash.values())  # one image of each hash: the frames of a fixed camera share theirs
    hashes = np.array(list(by_hash), dtype=np.uint64)
    for first, second in HashIndex(hashes).pairs(radius):
        join(hashed[first], hashed[second])
    members: dict[int, list[str]] = {}
    for index, item in enumerate(items):
        members.setdefault(find(index), []).append(item.image_id)
    return sorted(sorted(ids) for ids in members.values())


def assign_splits(
    items: Sequence[SplitItem],
    shares: Mapping[str, float],
    *,
    seed: int,
    radius: int,
    before: Mapping[str, str],
) -> dict[str, str]:
    """Image id → split name.

    Args:
        items: every image of the data set, each id once.
        shares: split name → share, summing to 1.
        seed: changes the draw of groups that have no split yet.
        radius: perceptual-hash distance in bits at which two images are near-duplicates.
        before: splits of earlier runs; an image in it keeps its split while that split still has a share.

    A group with no earlier member draws by a hash of the seed and its smallest id, so the result does not
    depend on the order of images or on which others are there.
    """
    kept = {image: split for image, split in before.items() if split in shares}
    result: dict[str, str] = {}
    for ids in groups(items, radius):
        earlier = [kept[image] for image in ids if image in kept]
        # A new image may join two groups of different splits: it goes with the larger one.
        split = max(sorted(set(earlier)), key=earlier.count) if earlier else _draw(f"{seed}:{ids[0]}", shares)
        for image in ids:
            result[image] = kept.get(image, split)
    return result


def _draw(text: str, shares: Mapping[str, float]) -> str:
    point = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    edge = 0.0
    for name, share in shares.items():
        edge += share
        if point < edge:
            return name
    return list(shares)[-1]
