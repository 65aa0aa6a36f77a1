from __future__ import annotations

import json

import pytest

from dlf_core import views
from dlf_core.flat_boxes import FlatBox
from dlf_core.records import BoxVerdict, FilterVerdict, Image, to_table
from dlf_core.views import Rows

IMAGES = {
    "i1": {"path": "raw/positive/a/i1.jpg", "width": 200, "height": 100},
    "i2": {"path": "raw/positive/b/i2.jpg", "width": 100, "height": 50},
}


def candidate(order: int, state: str = "kept", **more) -> Image:
    return Image(f"c{order}", "m", "positive/a", state, "wikimedia", "stop sign", f"https://e/{order}", order, **more)


def verdict(image_id: str, said: str, seconds: float = 0.5) -> FilterVerdict:
    return FilterVerdict(image_id, "m", said, 0.9, "logprob", f"{said}.", "qwen", "vl", "h", seconds)


def flat(box_id: str, image_id: str, class_name: str = "sign", score: float | None = None, **more) -> FlatBox:
    return FlatBox(box_id, image_id, "q", class_name, 0.1, 0.2, 0.6, 0.7, score, "none", "falcon", "f", **more)


def checked(box_id: str, said: str, seconds: float) -> BoxVerdict:
    return BoxVerdict(
        box_id, "i1", "q", "m", said, 0.8, "logprob", "a red sign", said, "qwen", "vl", "h", 0.25, seconds
    )


def gather_part(bucket: str = "positive/a"):
    rows = [
        candidate(2, "too_small", reason="12 × 9 pixels"),
        candidate(1, image_id="a" * 32, path="raw/x.jpg", bytes=7, sha256="s", phash="p", title="T", page="P"),
        candidate(3, image_id="b" * 32),
    ]
    return views.gather_part(bucket, to_table("gather", rows))


def test_the_manifest_lists_candidates_in_the_order_found_with_their_rights():
    manifest = list(views.gather_manifest([gather_part()]))
    assert [row["url"] for row in manifest] == ["https://e/1", "https://e/2", "https://e/3"]
    expected = "url source title page license author license_url license_family attribution"
    expected += " query path bytes sha256 phash bucket image_id"
    assert set(manifest[0]) == set(expected.split())
    assert manifest[0] == manifest[0] | {
        "source": "wikimedia",
        "query": "stop sign",
        "path": "raw/x.jpg",
        "bytes": 7,
        "sha256": "s",
        "phash": "p",
        "title": "T",
        "page": "P",
        "license": None,
        "bucket": "positive/a",
    }


def test_a_dropped_candidate_says_why_and_a_kept_one_says_nothing():
    kept, dropped, _ = views.gather_manifest([gather_part()])
    assert (dropped["dropped"], dropped["reason"]) == ("too_small", "12 × 9 pixels")
    assert "dropped" not in kept


def test_gather_stats_count_by_bucket_and_state():
    stats = views.gather_stats([gather_part("positive/a"), gather_part("negative/b")])
    assert stats == {
        "images": 4,
        "buckets": {"positive/a": {"kept": 2, "too_small": 1}, "negative/b": {"kept": 2, "too_small": 1}},
    }
    assert views.gather_stats([]) == {"images": 0, "buckets": {}}


def test_the_keep_list_counts_every_verdict_and_names_every_image():
    table = to_table("filter", [verdict("i1", "YES"), verdict("i2", "NO"), verdict("i3", "ERROR")])
    other = to_table("filter", [verdict("i4", "YES", 0.25)])
    paths = {"i1": "raw/i1.jpg", "i2": "raw/i2.jpg", "i3": "raw/i3.jpg", "i4": "raw/i4.jpg"}

    def paths_of(image_ids: list[str]) -> list[str | None]:
        return [paths[image_id] for image_id in image_ids]

    parts = [
        views.filter_part("positive/a", table, paths_of, "qwen"),
        views.filter_part("background/b", other, paths_of, "qwen"),
    ]
    whole = views.keep_list("signs", parts)
    results = list(whole["results"])
    assert (whole["backend"], whole["project"]) == ("qwen", "signs")
    assert whole["counts"] == {"YES": 2, "NO": 1, "UNKNOWN": 0, "ERROR": 1}
    assert [row["image_path"] for row in results] == list(paths.values())
    assert results[3] == {
        "image_path": "raw/i4.jpg",
        "image_id": "i4",
        "bucket": "background/b",
        "verdict": "YES",
        "p_yes": 0.9,
        "score_kind": "logprob",
        "raw_answer": "YES.",
        "elapsed_seconds": 0.25,
    }


def test_a_keep_list_of_nothing_is_whole():
    counts = {"YES": 0, "NO": 0, "UNKNOWN": 0, "ERROR": 0}
    whole = views.keep_list("signs", [])
    assert whole | {"results": list(whole["results"])} == {
        "backend": None,
        "project": "signs",
        "counts": counts,
        "results": [],
    }


def test_every_row_of_a_long_keep_list_has_the_path_of_its_own_image():
    ids = [f"i{number:04}" for number in range(2500)]
    table = to_table("filter", [verdict(image_id, "YES") for image_id in ids])
    asked: list[int] = []

    def paths_of(image_ids: list[str]) -> list[str | None]:
        asked.append(len(image_ids))
        return [None if image_id == "i1500" else f"raw/{image_id}.jpg" for image_id in image_ids]

    part = views.filter_part("positive/a", table, paths_of, "qwen")
    assert asked == []  # nothing is made before the rows are gone through
    rows = list(part["rows"])
    assert [row["image_id"] for row in rows] == ids
    assert all(row["image_path"] == f"raw/{row['image_id']}.jpg" for row in rows if row["image_id"] != "i1500")
    assert rows[1500]["image_path"] is None
    assert sum(asked) == 2500
    assert max(asked) < 2500  # a million paths are never in memory at once


def label_whole():
    first = views.label_part("positive/a", [flat("b1", "i1", score=0.5), flat("b2", "i1", "car")], IMAGES, ["i1"])
    second = views.label_part("positive/b", [flat("b1", "i1", score=0.5), flat("b3", "i2")], IMAGES, ["i1", "i2"])
    return views.label_coco(["car", "sign"], [first, second])


def views_of_every_kind():
    table = to_table("filter", [verdict("i1", "YES"), verdict("i2", "NO")])
    keep = views.keep_list("signs", [views.filter_part("positive/a", table, lambda ids: ids, "qwen")])
    whole = verified(checked("b1", "YES", 1.0), checked("b2", "NO", 2.0))
    return {
        "manifest": views.gather_manifest([gather_part()]),
        "keep list": keep["results"],
        "images": label_whole()["images"],
        "annotations": label_whole()["annotations"],
        "verified": whole["annotations"],
    }


@pytest.mark.parametrize("name", ["manifest", "keep list", "images", "annotations", "verified"])
def test_the_rows_of_a_view_can_be_gone_through_again(name):
    rows = views_of_every_kind()[name]
    assert isinstance(rows, Rows)
    first = list(rows)
    assert len(first) >= 2
    for row in first:
        row["changed"] = True  # by one who went through them, who shares them with nobody
    again = list(rows)
    assert [row | {"changed": True} for row in again] == first
    assert not any("changed" in row for row in again)


def test_the_annotations_of_the_label_coco_may_be_read_before_its_images():
    whole = label_whole()
    links = [(a["image_hash"], a["image_id"]) for a in whole["annotations"]]
    assert links == [("i1", 1), ("i1", 1), ("i2", 2)]
    assert [(image["image_hash"], image["id"]) for image in whole["images"]] == [("i1", 1), ("i2", 2)]


def test_the_label_coco_holds_an_image_of_two_buckets_and_its_boxes_once():
    whole = label_whole()
    assert list(whole["images"]) == [
        {"id": 1, "file_name": "raw/positive/a/i1.jpg", "width": 200, "height": 100}
        | {"bucket": "positive/a", "image_hash": "i1"},
        {"id": 2, "file_name": "raw/positive/b/i2.jpg", "width": 100, "height": 50}
        | {"bucket": "positive/b", "image_hash": "i2"},
    ]
    links = [(a["id"], a["image_id"], a["category_id"], a["box_id"]) for a in whole["annotations"]]
    assert links == [(1, 1, 1, "b1"), (2, 1, 0, "b2"), (3, 2, 1, "b3")]


def test_a_score_in_the_label_coco_is_a_score_and_never_the_area():
    first, second, third = label_whole()["annotations"]
    assert (first["bbox"], first["area"]) == ([20.0, 20.0, 100.0, 50.0], 5000.0)
    assert (third["bbox"], third["area"]) == ([10.0, 10.0, 50.0, 25.0], 1250.0)
    assert (first["score"], second["score"], second["score_kind"]) == (0.5, None, "none")
    assert first["query"] == "q"


def test_a_box_of_the_label_coco_says_how_many_backends_agree_and_carries_its_mask():
    rle = {"size": [50, 100], "counts": "abc"}
    boxes = [flat("b1", "i1", agreement=0.5, mask_rle=json.dumps(rle)), flat("b2", "i1")]
    masked, plain = views.label_coco(["sign"], [views.label_part("positive/a", boxes, IMAGES, ["i1"])])["annotations"]
    assert (masked["agreement"], masked["segmentation"]) == (0.5, rle)
    assert plain["agreement"] == 1.0
    assert "segmentation" not in plain


def test_a_class_that_only_an_older_part_knows_keeps_its_boxes():
    parts = [views.label_part("positive/a", [flat("b1", "i1", "old")], IMAGES, ["i1"])]
    whole = views.label_coco(["sign"], parts)
    assert [entry["name"] for entry in whole["categories"]] == ["sign", "old"]
    assert [annotation["category_id"] for annotation in whole["annotations"]] == [1]


def test_the_label_coco_lists_images_without_boxes_and_loads_in_pycocotools(tmp_path, capsys):
    from pycocotools.coco import COCO

    part = views.label_part("positive/a", [flat("b1", "i1", score=0.5)], IMAGES, ["i1", "i2"])
    path = tmp_path / "signs.coco.json"
    path.write_text(json.dumps(views.label_coco(["sign"], [part]), default=list))
    coco = COCO(str(path))
    assert coco.getImgIds() == [1, 2]
    assert [a["category_id"] for a in coco.loadAnns(coco.getAnnIds(imgIds=[1]))] == [0]


def verified(*rows: BoxVerdict):
    boxes = {row.box_id: flat(row.box_id, "i1") for row in rows}
    part = views.verify_part("positive/a", to_table("verify", rows), boxes, IMAGES)
    return views.verified("run", "vl", "h", 0.25, [part])


def test_verified_sums_up_and_leaves_errors_out_of_the_yes_rate():
    rows = [
        checked("b1", "YES", 1.0),
        checked("b2", "NO", 2.0),
        checked("b3", "UNSURE", 0.5),
        checked("b4", "ERROR", 4),
    ]
    whole = verified(*rows)
    assert whole["summary"] == {
        "completed": 3,
        "total": 4,
        "yes": 1,
        "no": 1,
        "unsure": 1,
        "yes_rate": 0.3333,
        "elapsed_seconds": 7.5,
        "avg_seconds_per_bbox": 1.875,
    }
    assert [whole[key] for key in ("run_name", "model", "prompt_version", "crop_padding")] == ["run", "vl", "h", 0.25]


def test_verified_links_every_verdict_to_its_box_by_id_not_by_index():
    first, second = verified(checked("b2", "NO", 2.0), checked("b1", "YES", 1.0))["annotations"]
    assert (second["annotation_id"], second["verdict"]) == ("b2", "NO")
    assert first == {
        "annotation_id": "b1",
        "image_id": "i1",
        "image_file": "raw/positive/a/i1.jpg",
        "category_name": "sign",
        "bbox": [20.0, 20.0, 100.0, 50.0],
        "verdict": "YES",
        "p_yes": 0.8,
        "score_kind": "logprob",
        "reasoning": "a red sign",
        "elapsed": 1.0,
    }


@pytest.mark.parametrize("rows", [[], [checked("b1", "ERROR", 1.0)]])
def test_the_yes_rate_of_nothing_is_not_a_number(rows):
    summary = verified(*rows)["summary"]
    assert (summary["yes_rate"], summary["completed"], summary["total"]) == (None, 0, len(rows))
