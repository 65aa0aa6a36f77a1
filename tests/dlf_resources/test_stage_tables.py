"""Stage tables as Parquet: equal tables are equal bytes, older tables are read, damaged ones are named."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlf_core.errors import StoreError
from dlf_core.records import SCHEMAS, empty_table, to_table
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.stage_tables import StageTables, decode, encode, table_key

KEY = "tiny__positive.x"


@pytest.fixture
def tables(tmp_path: Path) -> StageTables:
    return StageTables(LocalStore(tmp_path))


@pytest.fixture
def verdicts(rows: ModuleType) -> pa.Table:
    return to_table("filter", [rows.verdict(f"{number:03d}", "YES" if number % 3 else "NO") for number in range(300)])


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("stage", list(SCHEMAS))
def test_every_stage_comes_back_as_it_was_with_types_and_units(rows: ModuleType, stage: str) -> None:
    records = {
        "gather": [rows.image("a"), rows.image("b", phash="00ff", state="duplicate", duplicate_of="a")],
        "filter": [rows.verdict("a"), rows.verdict("b", "ERROR", p_yes=None, error="it broke")],
        "label": [rows.grounding("a", boxes=(rows.detected("1"), rows.detected("2", None))), rows.grounding("b")],
        "verify": [rows.box_verdict("1", "a"), rows.box_verdict("2", "a", "UNSURE")],
        "review": [rows.review("1", "a", kept=True), rows.review("2", "a", kept=False)],
        "image_review": [rows.image_review("a"), rows.image_review("b", note=None)],
    }[stage]
    table = to_table(stage, records)
    again = decode(encode(table), stage, "name")
    assert again.equals(table)
    assert again.schema.equals(SCHEMAS[stage], check_metadata=True)
    assert decode(encode(empty_table(stage)), stage, "name").num_rows == 0


def test_a_table_lies_under_its_stage_and_partition(tables: StageTables, verdicts: pa.Table) -> None:
    assert table_key("filter", KEY) == f"labels/filter/{KEY}.parquet"
    tables.write("filter", KEY, verdicts)
    assert tables.store.exists(f"labels/filter/{KEY}.parquet")
    assert tables.read("filter", KEY).equals(verdicts)


def test_equal_tables_give_equal_bytes_however_they_were_put_together(verdicts: pa.Table) -> None:
    pieces = pa.concat_tables([verdicts.slice(0, 7), verdicts.slice(7, 100), verdicts.slice(107)])
    assert encode(pieces) == encode(verdicts)
    assert encode(decode(encode(verdicts), "filter", "x")) == encode(verdicts)
    assert encode(verdicts.slice(0, 299)) != encode(verdicts)


def test_records_in_any_order_give_equal_bytes(rows: ModuleType) -> None:
    records = [rows.verdict(name) for name in "cab"]
    assert encode(to_table("filter", records)) == encode(to_table("filter", sorted(records, key=lambda r: r.image_id)))


def test_an_equal_table_is_not_written_again(tables: StageTables, verdicts: pa.Table) -> None:
    tables.write("filter", KEY, verdicts)
    file = tables.store.path(table_key("filter", KEY))
    os.utime(file, (1_000_000_000,) * 2)
    tables.write("filter", KEY, verdicts)
    assert file.stat().st_mtime == 1_000_000_000
    tables.write("filter", KEY, verdicts.slice(1))
    assert file.stat().st_mtime > 1_000_000_000
    assert len(tables.read("filter", KEY)) == 299


def test_a_table_says_which_run_gave_it_its_content(tables: StageTables, verdicts: pa.Table) -> None:
    tables.write("filter", KEY, verdicts, "run-1")
    assert tables.run("filter", KEY) == "run-1"
    file = tables.store.path(table_key("filter", KEY))
    before = file.stat().st_mtime_ns
    tables.write("filter", KEY, verdicts, "run-2")
    assert (tables.run("filter", KEY), file.stat().st_mtime_ns) == ("run-1", before), "nothing has changed"
    tables.write("filter", KEY, verdicts.slice(1), "run-3")
    assert tables.run("filter", KEY) == "run-3"
    assert tables.read("filter", KEY) == verdicts.slice(1)


def test_a_table_of_nobody_knows_which_run_has_none(tables: StageTables, verdicts: pa.Table) -> None:
    assert tables.run("filter", KEY) is None
    tables.write("filter", KEY, verdicts)
    assert tables.run("filter", KEY) is None
    tables.store.put(table_key("filter", KEY), b"no table")
    assert tables.run("filter", KEY) is None


def test_a_stage_that_has_not_run_has_no_table(tables: StageTables) -> None:
    assert tables.read("filter", KEY) is None
    assert tables.read_or_empty("filter", KEY).equals(empty_table("filter"))


def test_a_column_that_an_older_version_lacked_is_null(verdicts: pa.Table) -> None:
    older = parquet(verdicts.drop_columns(["error", "answer"]))
    table = decode(older, "filter", "name")
    assert table.schema.equals(SCHEMAS["filter"])
    assert table["error"].null_count == table["answer"].null_count == 300
    assert table["image_id"].equals(verdicts["image_id"])


def test_rows_of_an_older_table_can_be_written_again(verdicts: pa.Table) -> None:
    """A re-run takes the rows that are still asked over into the new table, whatever column they lacked."""
    table = decode(parquet(verdicts.drop_columns(["prompt_hash"])), "filter", "name")
    assert decode(encode(table), "filter", "name")["image_id"].equals(verdicts["image_id"])


def test_a_column_of_a_newer_version_is_left_out_and_order_does_not_count(verdicts: pa.Table) -> None:
    newer = verdicts.append_column("future", pa.array([1] * 300)).select(["future", *verdicts.column_names[::-1]])
    assert decode(parquet(newer), "filter", "name").equals(verdicts)


def test_a_column_of_another_width_is_cast(verdicts: pa.Table) -> None:
    place = verdicts.column_names.index("seconds")
    narrow = verdicts.set_column(place, "seconds", verdicts["seconds"].cast(pa.float32()))
    assert decode(parquet(narrow), "filter", "name").equals(verdicts)


@pytest.mark.parametrize("damage", ["empty", "text", "half", "footer", "middle"])
def test_a_damaged_file_is_named_with_the_way_out(tables: StageTables, verdicts: pa.Table, damage: str) -> None:
    whole = encode(verdicts)
    content = {
        "empty": b"",
        "text": b"not parquet at all",
        "half": whole[: len(whole) // 2],
        "footer": whole[:-30] + bytes(30),
        "middle": whole[:40] + b"\xff" * 400 + whole[440:],
    }[damage]
    tables.store.put(table_key("filter", KEY), content)
    with pytest.raises(StoreError) as caught:
        tables.read("filter", KEY)
    assert str(caught.value).startswith(f"labels/filter/{KEY}.parquet: is not a filter table (")
    assert str(caught.value).endswith("; delete it and run the filter stage again.")


def test_a_parquet_file_of_something_else_is_no_stage_table() -> None:
    with pytest.raises(StoreError, match="is not a filter table"):
        decode(parquet(pa.table({"colour": ["red", "blue"]})), "filter", "name")


def test_a_column_of_another_kind_is_no_stage_table(verdicts: pa.Table) -> None:
    place = verdicts.column_names.index("p_yes")
    wrong = verdicts.set_column(place, "p_yes", pa.array(["high"] * 300))
    with pytest.raises(StoreError, match="is not a filter table"):
        decode(parquet(wrong), "filter", "name")
