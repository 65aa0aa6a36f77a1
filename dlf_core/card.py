"""The data-set card: `README.md` with the front matter that the Hub reads (https://huggingface.co/docs/hub/datasets-cards).

Everything in it comes from the data set and the tables it was made from; two equal data sets have equal cards.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from dlf_core.attribution import license_of, publishing_problems
from dlf_core.formats.dataset import Dataset
from dlf_core.licenses import UNKNOWN, License
from dlf_core.markdown_text import plain

_SIZES = (
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    *((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B")),
)
_HUB_SPLITS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A model that a stage asked: how often, and what it said, most frequent first."""

    stage: str
    backend: str
    model: str
    rows: int
    said: Mapping[str, int]
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a data set was made by.

    Attributes:
        target: what the project looks for.
        queries: phrase → class.
        models: what was asked.
        sources: source → images of the data set.
        gathered: first and last day on which an image was fetched.
        boxes_seen: boxes of the data set that a person has decided.
        reviewers: how many people.
        buckets: bucket → candidates, images, filter YES and kept boxes.
    """

    target: str
    queries: Mapping[str, str]
    models: Sequence[Asked] = ()
    sources: Mapping[str, int] = field(default_factory=dict)
    gathered: tuple[dt.date, dt.date] | None = None
    boxes_seen: int = 0
    reviewers: int = 0
    buckets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def card_markdown(
    dataset: Dataset,
    made: Provenance,
    *,
    evaluation: Mapping[str, Any] | None = None,
    plots: Mapping[str, str] | None = None,
    parquet: bool = False,
) -> str:
    """The card's text.

    Args:
        dataset: what it describes.
        made: how that came to be.
        evaluation: measured against ground truth.
        plots: title → path of a picture beside the card.
        parquet: the card lies beside `data/*.parquet`, and says so to the Hub's viewer.
    """
    images = list(dataset.images)
    licenses = [license_of(image) for image in images]
    front = yaml.safe_dump(
        _front_matter(dataset, licenses, made, parquet), sort_keys=False, allow_unicode=True, width=1000
    )
    parts = [f"---\n{front}---\n", f"# {plain(dataset.name)}\n", f"{plain(dataset.description or dataset.name)}\n"]
    parts.append(_contents(dataset, made))
    if plots:
        parts += [f"![{title}]({path})" for title, path in plots.items()] + [""]
    parts += [_provenance(dataset, made), _quality(dataset, made, evaluation), _licenses(licenses)]
    parts += [_limits(dataset, made, publishing_problems(images))]
    parts.append(f"Fingerprint of the data set: `{dataset.fingerprint()}`. Made with data-label-factory.\n")
    return "\n".join(parts)


def _front_matter(dataset: Dataset, licenses: Sequence[License], made: Provenance, parquet: bool) -> dict[str, Any]:
    front: dict[str, Any] = {"pretty_name": " ".join(dataset.name.split()), **_license(licenses)}
    front["task_categories"] = ["object-detection"]
    front["size_categories"] = [next((name for most, name in _SIZES if len(licenses) < most), "1B<n<10B")]
    front["annotations_creators"] = ["machine-generated", *(["expert-generated"] if made.boxes_seen else [])]
    front["tags"] = ["object-detection", "data-label-factory"]
    if parquet:
        files = [
            {"split": _HUB_SPLITS.get(split, split), "path": f"data/{split}-*.parquet"}
            for split in (*(name for name in _HUB_SPLITS if name in dataset.split_names),)
        ]
        front["configs"] = [{"config_name": "default", "data_files": files}]
    return front


def _license(licenses: Sequence[License]) -> dict[str, str]:
    """What the Hub knows of one licence; of several, or of one it has no word for, where they stand."""
    names = {license_.name for license_ in licenses}
    families = {license_.family for license_ in licenses}
    if len(names) == 1:
        (name,), (family,) = names, families
        version = name.rsplit(" ", 1)[-1]
        if family.startswith("cc-") and version in ("2.0", "2.5", "3.0", "4.0") and (family, version) in _ON_THE_HUB:
            return {"license": f"{family}-{version}"}
        if family == "cc0":
            return {"license": "cc0-1.0"}
        if family == UNKNOWN:
            return {"license": "unknown"}
    return {"license": "other", "license_name": "see-attribution", "license_link": "ATTRIBUTION.md"}


# https://huggingface.co/docs/hub/repositories-licenses
_ON_THE_HUB = {
    *(("cc-by", version) for version in ("2.0", "2.5", "3.0", "4.0")),
    *(("cc-by-sa", version) for version in ("3.0", "4.0")),
    *(("cc-by-nc", version) for version in ("2.0", "3.0", "4.0")),
    *(("cc-by-nc-sa", version) for version in ("2.0", "3.0", "4.0")),
    *(("cc-by-nc-nd", version) for version in ("3.0", "4.0")),
    ("cc-by-nd", "4.0"),
}


def _contents(dataset: Dataset, made: Provenance) -> str:
    rows = dataset.image_table
    splits, counts = rows["split"].to_pylist(), rows["box_count"].to_pylist()
    lines = ["## What is in it\n", "| split | images | without boxes | boxes |", "|---|---|---|---|"]
    for split in (*("train", "val", "test"),):
        chosen = [count for name, count in zip(splits, counts, strict=True) if name == split]
        if chosen:
            lines.append(f"| {split} | {len(chosen):,} | {chosen.count(0):,} | {sum(chosen):,} |")
    lines.append(f"| all | {len(counts):,} | {counts.count(0):,} | {sum(counts):,} |")
    per_class = Counter(dataset.box_table["class_name"].to_pylist())
    lines += ["", "| id | class | boxes |", "|---|---|---|"]
    lines += [f"| {number} | {_cell(name)} | {per_class[name]:,} |" for number, name in enumerate(dataset.classes)]
    if made.buckets:
        lines += ["", "| bucket | candidates | images | kept by the filter | boxes kept |", "|---|---|---|---|---|"]
        for bucket, numbers in made.buckets.items():
            lines.append(f"| {_cell(bucket)} | " + " | ".join(f"{value:,}" for value in numbers.values()) + " |")
    return "\n".join(lines) + "\n"


def _provenance(dataset: Dataset, made: Provenance) -> str:
    lines = ["## How it was made\n", f"Looked for: {plain(made.target)}. Asked for, and the class it became:\n"]
    lines += [f"- {plain(query)} → {plain(name)}" for query, name in made.queries.items()]
    if made.gathered:
        first, last = made.gathered
        days = f"on {first}" if first == last else f"from {first} to {last}"
        where = ", ".join(f"{plain(name)} ({count:,})" for name, count in made.sources.items())
        lines.append(f"\nImages were gathered {days}: {where}.")
    if made.models:
        lines += ["", "| stage | backend | model | asked | said |", "|---|---|---|---|---|"]
        for one in made.models:
            said = ", ".join(f"{word} {count:,}" for word, count in one.said.items())
            lines.append(f"| {one.stage} | {_cell(one.backend)} | {_cell(one.model)} | {one.rows:,} | {said} |")
        prompts = {(one.stage, one.prompt): None for one in made.models if one.prompt}
        lines += [f"\nPrompt of {stage}:\n\n> {_quoted(str(prompt))}" for stage, prompt in prompts]
    return "\n".join(lines) + "\n"


def _quality(dataset: Dataset, made: Provenance, evaluation: Mapping[str, Any] | None) -> str:
    boxes = dataset.box_count
    share = f"{made.boxes_seen / boxes:.1%}" if boxes else "–"
    people = f" ({made.reviewers} reviewer{'s' * (made.reviewers != 1)})" if made.reviewers else ""
    lines = [
        "## How good it is\n",
        f"- Boxes a person has decided: {made.boxes_seen:,} of {boxes:,} ({share}){people}.",
    ]
    for one in made.models:
        judged = sum(count for word, count in one.said.items() if word != "ERROR")
        if one.stage == "verify" and judged:
            rate = one.said.get("YES", 0) / judged
            lines.append(f"- {plain(one.model)} said YES to {rate:.1%} of the boxes it was shown.")
    if evaluation:
        shown = ", ".join(
            f"{name} {evaluation[key]:.3f}"
            for name, key in (("precision", "precision"), ("recall", "recall"), ("AP50", "ap50"))
            if evaluation.get(key) is not None
        )
        if shown:
            lines.append(f"- Against {evaluation.get('truth_boxes', 0):,} ground-truth boxes, IoU 0.5: {shown}.")
    return "\n".join(lines) + "\n"


def _licenses(licenses: Sequence[License]) -> str:
    counts = Counter(license_.name for license_ in licenses)
    lines = ["## Licences of the images\n", "| licence | images |", "|---|---|"]
    lines += [f"| {_cell(name)} | {count:,} |" for name, count in counts.most_common()]
    lines.append("\nTitle, author, source and licence of every image stand in [ATTRIBUTION.md](ATTRIBUTION.md).")
    return "\n".join(lines) + "\n"


def _limits(dataset: Dataset, made: Provenance, problems: Sequence[str]) -> str:
    lines = ["## Known limits\n"]
    unseen = dataset.box_count - made.boxes_seen
    if unseen:
        lines.append(
            f"- {unseen:,} boxes were drawn and checked by models only; some are wrong, and some objects are missed."
        )
    if (dataset.image_table["box_count"].to_numpy() == 0).any():
        lines.append("- An image without boxes is one on which the models found nothing: it may still hold an object.")
    lines.append("- What a search finds is not what a camera sees: the images are no random sample of anything.")
    lines += [f"- {problem}" for problem in problems]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return plain(text) or "–"


def _quoted(text: str) -> str:
    return "\n> ".join(plain(line) for line in text.splitlines())
