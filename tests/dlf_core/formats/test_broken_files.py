"""A file that was damaged is a data set still, or one sentence with its name; never another error."""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path

import pytest
from any_datasets import PlainPictures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlf_core.errors import FormatError
from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

WORDS = re.compile(rb'-?\d+(?:\.\d+)?|"[^"\n]*"|null|true|false|[\[\]{}:,]|</?\w+>|\w+(?==)')
ODD = b'null|-1|0|7|1e999|NaN|nan|99999999999999999999|1e300|""|"x"|"\\ud800"|[]|{}|[[]]|{"a": 1}|true|<a>|</a>|&x;'
ODD_WORDS = [*ODD.split(b"|"), b"\0", b"\xff", b"\n", b" ", b""]


@functools.cache
def sound(name: str) -> dict[str, bytes]:
    """File → content of a small data set."""
    told = {"query": "red sign", "score": 0.75, "score_kind": "detector", "backend": "b", "model": "m", "p_yes": 0.5}
    boxes = [
        LabeledBox("sign", 0.1, 0.2, 0.6, 0.7, "b1", **told, verdict="YES", decision="approved", reasoning="it is red"),
        LabeledBox("größe", 0.0, 0.0, 1.0, 1.0, "b2", crowd=True),
    ]
    images = [
        LabeledImage("a", "a.png", 20, 10, "train", "positive/x", boxes, "1.jpg", "CC BY", "https://e", "Ann"),
        LabeledImage("b", "b.png", 8, 9, "val", "positive/x", boxes[:1]),
        LabeledImage("c", "c.png", 8, 9, "train"),
    ]
    dataset = Dataset.of("signs", ["sign", "größe"], images)
    with tempfile.TemporaryDirectory() as folder:
        FORMATS[name].write(dataset, Path(folder), PlainPictures(dataset) if name == "yolo" else None)
        files = [file for file in Path(folder).rglob("*") if file.is_file()]
        return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(files)}


@functools.cache
def words_of(content: bytes) -> st.SearchStrategy[tuple[int, int]]:
    return st.sampled_from([word.span() for word in WORDS.finditer(content)] or [(0, 0)])


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> tuple[int, int, bytes]:
    """From where to where what stands instead."""
    kind = draw(st.sampled_from(["cut off", "left out", "flipped", "flipped", "another word", "another word"]))
    places = st.integers(0, max(len(content) - 1, 0))
    begin, end = sorted(draw(st.tuples(places, places)))
    if kind == "another word":
        return *draw(words_of(content)), draw(st.sampled_from(ODD_WORDS))
    if kind == "flipped" and content:
        return begin, begin + 1, bytes([content[begin] ^ (1 << draw(st.integers(0, 7)))])
    return begin, len(content) if kind == "cut off" else end, b""


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_file_gives_a_data_set_or_a_sentence(name: str, data: st.DataObject) -> None:
    files = dict(sound(name))
    chosen = data.draw(st.sampled_from(sorted(files)))
    begin, end, instead = data.draw(damage(files[chosen]))
    files[chosen] = files[chosen][:begin] + instead + files[chosen][end:]
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / file).write_bytes(content)
        try:
            found = FORMATS[name].read(Path(folder))
        except FormatError as error:
            said = str(error)
            assert said.startswith(folder)
            assert said.endswith(".")
            assert "\n" not in said
            return
    assert {box.class_name for image in found.images for box in image.boxes} <= set(found.classes)
    assert len(found.fingerprint()) == 64
    with tempfile.TemporaryDirectory() as again:
        FORMATS["coco"].write(found, Path(again), None)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_may_not_be_read_or_is_a_folder_is_a_sentence(name: str, tmp_path: Path) -> None:
    for file in sound(name):
        (tmp_path / file).mkdir(parents=True)
    with pytest.raises(FormatError) as caught:
        FORMATS[name].read(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_that_does_not_exist_is_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        FORMATS[name].read(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert str(caught.value).endswith(".")
