"""Thumbnails of a bucket, made once."""

from __future__ import annotations

from typing import Any

import dagster as dg
from factory import KEY, Factory
from PIL import Image

from dlf_assets.definitions import defs
from dlf_resources.thumbnails import thumbnail_key


def make(factory: Factory) -> dict[str, Any]:
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=factory.instance, partition_key=KEY, asset_selection=[dg.AssetKey("thumbnails")]
    )
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_every_image_that_the_filter_kept_has_one(factory: Factory) -> None:
    factory.add("188465", "343706", "129054")
    factory.project()
    factory.run()
    kept = [row["image_id"] for row in factory.table("filter").to_pylist() if row["verdict"] == "YES"]
    assert len(kept) == 2
    made = make(factory)
    assert (made["images"], made["computed"], made["reused"], made["errors"]) == (2, 2, 0, 0)
    for image_id in kept:
        with Image.open(factory.workspace.data("p") / thumbnail_key(image_id)) as thumb:
            assert (thumb.format, max(thumb.size)) == ("WEBP", 256)
    again = make(factory)
    assert (again["computed"], again["reused"]) == (0, 2)


def test_a_damaged_image_is_counted_and_stops_no_other(factory: Factory) -> None:
    factory.add("188465", "343706")
    factory.project()
    factory.run()
    rows = [row for row in factory.table("gather").to_pylist() if row["state"] == "kept"]
    (factory.workspace.data("p") / rows[0]["path"]).write_bytes(b"damaged")
    made = make(factory)
    assert (made["computed"], made["errors"]) == (1, 1)
