"""How many copies of photos are found, and how many pairs of different photos are mixed up.

Copies of every photo are made (`picture_variants.py`), and every pair of files is judged: by the product (`inspect`,
`HashIndex`, `compare`, `closer_look`, as the gather stage calls them) and by imagededup's PHash and DHash at their
default of 10 bits, on the same files. The photos must all be different.

    python -m benchmarks.near_duplicates FOLDER_OF_PHOTOS [--repeats 5] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks import imagededup_baseline
from benchmarks.picture_variants import CROP_5, HARDER, MIRRORED, ORIGINAL, SLIGHT, variants
from dlf_core.hash_index import HashIndex, hashes_of
from dlf_resources.duplicates.fingerprint import Fingerprints
from dlf_resources.duplicates.same_picture import RADIUS, Verdict, closer_look, compare
from dlf_resources.images import Limits, inspect

Bools = NDArray[np.bool_]
_LIMITS = Limits()
_TIMED_LOOKS = 25


@dataclass(frozen=True, slots=True)
class Files:
    """What lies in the folder of copies, the largest picture first, as the gather stage takes them."""

    paths: list[Path]
    contents: list[bytes]
    kinds: NDArray[np.str_]
    groups: NDArray[np.str_]
    photos: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, slots=True)
class Judged:
    """`[n, n]` of all files: taken for the same picture, and for its mirror image; true on either side."""

    same: Bools
    mirrored: Bools


def copies(photos: list[Path], folder: Path) -> Files:
    """Write the photos and their copies."""
    found: list[tuple[int, Path, bytes, str, str, int]] = []
    for number, photo in enumerate(photos):
        for place, variant in enumerate(variants(photo.read_bytes(), number)):
            path = folder / f"{number:05d}-{place:02d}.jpg"
            path.write_bytes(variant.content)
            facts = inspect(variant.content, _LIMITS)
            size = facts.width * facts.height
            found.append((-size, path, variant.content, variant.kind, variant.group, number))
    found.sort(key=lambda row: (row[0], row[1]))
    _, paths, contents, kinds, groups, numbers = zip(*found, strict=True)
    return Files(list(paths), list(contents), np.array(kinds), np.array(groups), np.array(numbers))


def judged_by_us(files: Files, repeats: int) -> tuple[Judged, dict[str, Any]]:
    """Every pair through the product's code, and what it took."""
    facts, fingerprint_seconds = best(lambda: [inspect(content, _LIMITS) for content in files.contents], repeats)
    prints = Fingerprints.of(
        [fact.fingerprint.thumb for fact in facts], hashes_of([fact.fingerprint.phash for fact in facts])
    )
    turned = hashes_of([fact.fingerprint.phash_mirrored for fact in facts])
    index = HashIndex(prints.hashes)
    pairs = np.concatenate([np.stack(index.near(hashes, RADIUS), axis=1) for hashes in (prints.hashes, turned)])
    pairs = np.unique(pairs[pairs[:, 1] < pairs[:, 0]], axis=0)
    mine, other = pairs[:, 0], pairs[:, 1]

    def judge() -> Verdict:
        return compare(prints.take(mine), turned[mine], prints.take(other))

    verdict, compare_seconds = best(judge, repeats)
    same = verdict.same.copy()
    doubtful = np.flatnonzero(verdict.doubtful)

    def look(places: NDArray[np.int64]) -> list[bool]:
        pairs = [(files.contents[mine[at]], files.contents[other[at]], bool(verdict.mirrored[at])) for at in places]
        return [closer_look(*pair) for pair in pairs]

    same[doubtful] = look(doubtful)
    timed = doubtful[:_TIMED_LOOKS]
    _, look_seconds = best(lambda: look(timed), repeats)
    judged = Judged(np.zeros((len(files),) * 2, np.bool_), np.zeros((len(files),) * 2, np.bool_))
    for matrix, chosen in ((judged.same, same), (judged.mirrored, same & verdict.mirrored)):
        matrix[mine[chosen], other[chosen]] = matrix[other[chosen], mine[chosen]] = True
    different = files.photos[mine] != files.photos[other]
    return judged, {
        "fingerprint_ms_an_image": round(fingerprint_seconds / len(files) * 1000, 3),
        "pairs_within_the_radius": len(pairs),
        "of_different_photos": int(different.sum()),
        "highest_score_of_different_photos": round(float(verdict.score[different].max(initial=-1)), 3),
        "compare_us_a_pair": round(compare_seconds / max(1, len(pairs)) * 1e6, 1),
        "closer_looks": len(doubtful),
        "closer_look_ms": round(look_seconds / max(1, len(timed)) * 1000, 2),
    }


def judged_by_imagededup(files: Files, repeats: int) -> dict[str, tuple[Judged, dict[str, Any]]]:
    """Every pair by each of its methods: they know no mirror images."""
    runs = [imagededup_baseline.measure(files.paths) for _ in range(repeats)]
    found = {}
    for method in imagededup_baseline.METHODS:
        hashes = hashes_of(runs[0][method]["hashes"])
        near = np.bitwise_count(hashes[:, None] ^ hashes[None]) <= imagededup_baseline.THRESHOLD
        seconds = min(run[method]["seconds"] for run in runs)
        cost = {"fingerprint_ms_an_image": round(seconds / len(files) * 1000, 3)}
        found[method] = Judged(near, np.zeros_like(near)), cost
    return found


def best(work: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """What some work gives, and the fewest seconds of several tries: others use the machine too."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return result, min(seconds)


def figures_of(files: Files, judged: Judged) -> dict[str, Any]:
    """Recall by kind and group, and precision."""
    originals = {int(files.photos[at]): int(at) for at in np.flatnonzero(files.kinds == ORIGINAL)}
    original_of = np.array([originals[int(photo)] for photo in files.photos])
    places = np.arange(len(files))
    hit, marked = judged.same[original_of, places], judged.mirrored[original_of, places]
    kinds = [kind for kind in _in_order(files) if kind != ORIGINAL]
    is_mirrored = np.char.startswith(files.kinds, "mirrored")
    by_group = {}
    for group in (SLIGHT, CROP_5, MIRRORED):
        chosen = (files.groups == group) & (files.kinds != ORIGINAL)
        by_group[group] = {"recall": _share(hit[chosen]), "pairs": int(chosen.sum())}
        if group == MIRRORED:
            by_group[group]["marked"] = _share(marked[chosen & hit])
    return {
        "original_and_copy": by_group,
        "by_kind": {kind: _share(hit[files.kinds == kind]) for kind in kinds if _group(files, kind) != HARDER},
        "harder": {kind: _share(hit[files.kinds == kind]) for kind in kinds if _group(files, kind) == HARDER},
        "copy_and_copy": _among_copies(files, judged, is_mirrored),
        "different_photos": _among_strangers(files, judged),
    }


def _among_copies(files: Files, judged: Judged, is_mirrored: Bools) -> dict[str, Any]:
    """All pairs of one photo's files, the photo itself among them."""
    of_one = files.photos[:, None] == files.photos[None]
    upper = np.triu(np.ones_like(of_one), 1)
    slight, crop_5, turned = (files.groups == group for group in (SLIGHT, CROP_5, MIRRORED))
    across = is_mirrored[:, None] != is_mirrored[None]
    sets = {
        SLIGHT: (slight, ~across),
        f"{SLIGHT} and {CROP_5}": (slight | crop_5, ~across),
        f"{SLIGHT} with {MIRRORED}": (slight | turned, across),
    }
    rows = {}
    for name, (members, side) in sets.items():
        chosen = of_one & upper & side & members[:, None] & members[None]
        found = chosen & judged.same
        right = judged.mirrored[found] == across[found]
        rows[name] = {"recall": _share(judged.same[chosen]), "pairs": int(chosen.sum()), "marked_right": _share(right)}
    return rows


def _among_strangers(files: Files, judged: Judged) -> dict[str, Any]:
    """All pairs of different photos: the slight copies with crops and mirror images, and all files."""
    rows = {}
    for name, members in {"without harder ones": files.groups != HARDER, "all": np.ones(len(files), np.bool_)}.items():
        upper = np.triu(members[:, None] & members[None], 1)
        of_one = files.photos[:, None] == files.photos[None]
        wrong, right = int((upper & ~of_one & judged.same).sum()), int((upper & of_one & judged.same).sum())
        rows[name] = {
            "pairs": int((upper & ~of_one).sum()),
            "taken_for_the_same": wrong,
            "precision": round(right / max(1, right + wrong), 5),
        }
    return rows


def _in_order(files: Files) -> list[str]:
    by_name = sorted(range(len(files)), key=lambda at: files.paths[at])
    return list(dict.fromkeys(str(files.kinds[at]) for at in by_name))


def _group(files: Files, kind: str) -> str:
    return str(files.groups[int(np.flatnonzero(files.kinds == kind)[0])])


def _share(values: Bools) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def missed(files: Files, judged: Judged) -> list[str]:
    """Copies without the harder ones that are not found by their original."""
    originals = {int(files.photos[at]): int(at) for at in np.flatnonzero(files.kinds == ORIGINAL)}
    places = np.flatnonzero((files.groups != HARDER) & (files.kinds != ORIGINAL))
    gone = [at for at in places if not judged.same[originals[int(files.photos[at])], at]]
    return sorted(f"photo {files.photos[at]}: {files.kinds[at]}" for at in gone)


def measure(photos: list[Path], repeats: int) -> dict[str, Any]:
    """Figures of all contenders on the same files."""
    contents = [photo.read_bytes() for photo in photos]
    if len(set(contents)) < len(contents):
        raise ValueError("the photos must be different ones; two have the same bytes")
    imagededup_baseline.interpreter()
    with tempfile.TemporaryDirectory(prefix="dlf-variants-") as folder:
        files = copies(photos, Path(folder))
        with threadpool_limits(1, user_api="blas"):  # as the gather stage does it
            judged, cost = judged_by_us(files, repeats)
        rows = [{"contender": "data-label-factory", "radius": RADIUS} | figures_of(files, judged) | {"cost": cost}]
        rows[0]["missed"] = missed(files, judged)
        for method, (theirs, their_cost) in judged_by_imagededup(files, repeats).items():
            name = f"imagededup {method}"
            row = {"contender": name, "radius": imagededup_baseline.THRESHOLD}
            rows.append(row | figures_of(files, theirs) | {"cost": their_cost})
    return {"benchmark": "near_duplicates", "photos": len(photos), "files": len(files), "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="photos, each another one")
    parser.add_argument("--repeats", type=int, default=5, help="of what is timed; the best counts")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    chosen = parser.parse_args()
    photos = sorted(path for path in chosen.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not photos:
        parser.error(f"{chosen.folder} holds no .jpg")
    figures = measure(photos, chosen.repeats)
    for row in figures["rows"]:
        print(json.dumps({key: row[key] for key in ("contender", "original_and_copy", "different_photos", "cost")}))
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
