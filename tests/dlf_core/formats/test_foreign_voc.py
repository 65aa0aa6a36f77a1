"""Pascal VOC folders as others write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import voc

OBJECT = """<object><name>{name}</name><pose>Left</pose><truncated>1</truncated><difficult>{difficult}</difficult>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>60</ymax></bndbox></object>"""
SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"


def annotation(*objects: str, name: str = "<filename>a.jpg</filename>", size: str = SIZE) -> str:
    return f"<annotation><folder>VOC2007</folder>{name}<source><database>x</database></source>{size}{''.join(objects)}\
</annotation>"


def dog(name: str = "dog", difficult: int = 0) -> str:
    return OBJECT.format(name=name, difficult=difficult)


def put(folder: Path, **files: str) -> Path:
    (folder / "Annotations").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / "Annotations" / f"{name}.xml").write_text(content, encoding="utf-8")
    return folder


def test_a_folder_without_labelmap_and_image_sets_is_train_with_its_classes_sorted(tmp_path: Path) -> None:
    put(tmp_path, a=annotation(dog("person"), dog()), b=annotation(dog("cat"), name="<filename>b.png</filename>"))
    found = voc.read(tmp_path)
    assert found.classes == ["cat", "dog", "person"]
    assert [(image.image_id, image.file_name, image.split) for image in found.images] == [
        ("a", "a.jpg", "train"),
        ("b", "b.png", "train"),
    ]
    box = found.images[0].boxes[0]
    # VOC counts from 1 and names the last pixel inside: 11 to 30 are twenty pixels.
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((0.1, 0.25, 0.3, 0.75))
    assert (box.class_name, box.crowd, box.box_id, box.score) == ("person", False, None, None)


def test_annotations_alone_are_a_data_set_too(tmp_path: Path) -> None:
    put(tmp_path, a=annotation(dog()))
    assert [image.image_id for image in voc.read(tmp_path / "Annotations").images] == ["a"]


def test_image_sets_say_the_splits(tmp_path: Path) -> None:
    put(tmp_path, **{name: annotation(name=f"<filename>{name}.jpg</filename>") for name in "abcd"})
    sets = tmp_path / "ImageSets/Main"
    sets.mkdir(parents=True)
    for name, lines in {"train": "a\n", "val": "b\n", "trainval": "a\nb\n", "test": "c", "dog_train": "a  1\n"}.items():
        (sets / f"{name}.txt").write_text(lines)
    assert [image.split for image in voc.read(tmp_path).images] == ["train", "val", "test", "train"]


def test_a_labelmap_says_the_order_of_classes_and_those_without_a_box(tmp_path: Path) -> None:
    put(tmp_path, a=annotation(dog(), dog("new")))
    lines = "# label:color_rgb:parts:actions\nzebra:128,0,0::\n\ndog:0,128,0:tail,ear:run\n"
    (tmp_path / "labelmap.txt").write_text(lines)
    assert voc.read(tmp_path).classes == ["zebra", "dog", "new"]


def test_parts_and_segments_of_an_object_are_no_boxes(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    put(tmp_path, a=annotation(dog().replace("</object>", f"{part}</object>"), dog(difficult=1)))
    (image,) = voc.read(tmp_path).images
    assert [(box.class_name, box.crowd) for box in image.boxes] == [("dog", False), ("dog", True)]


def test_without_a_file_name_the_annotation_names_the_image(tmp_path: Path) -> None:
    put(tmp_path, a=annotation(name=""))
    (image,) = voc.read(tmp_path).images
    assert (image.image_id, image.file_name) == ("a", "a.jpg")


def test_an_encoding_that_the_file_declares_is_kept_to(tmp_path: Path) -> None:
    put(tmp_path, a="")
    content = '<?xml version="1.0" encoding="iso-8859-1"?>' + annotation(dog("café"))
    (tmp_path / "Annotations/a.xml").write_bytes(content.encode("latin-1"))
    assert voc.read(tmp_path).classes == ["café"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not XML"),
        ("a dog", "is not XML"),
        (annotation(dog())[:-20], "is not XML"),
        (f'<?xml version="1.0" encoding="shift_jis"?>{annotation()}', "is not XML"),
        (f'<?xml version="1.0" encoding="nonsense"?>{annotation()}', "is not XML"),
        ("<html><body/></html>", "has no <annotation>"),
        (annotation(size=""), "<width> is missing"),
        (annotation(size="<size><width>100</width></size>"), "<height> is missing"),
        (annotation(size=SIZE.replace("100", "wide")), "<width> is missing or is no number"),
        (annotation(size=SIZE.replace("100", "0")), "width or height 0"),
        (annotation(size=SIZE.replace("100", "nan")), "<width> is missing or is no number"),
        (annotation(size=SIZE.replace("100", "inf")), "<width> is missing or is no number"),
        (annotation(size=SIZE.replace("100", "1e12")), ""),
        (annotation(dog().replace("11", "")), "<xmin> is missing"),
        (annotation(dog().replace("11", "nan")), "<xmin> is missing or is no number"),
        (annotation("<object><name>dog</name></object>"), "<xmin> is missing"),
        (annotation(dog().replace("<name>dog</name>", "")), "<name> is missing"),
    ],
)
def test_an_annotation_that_cannot_be_read_is_a_sentence_with_its_name(tmp_path: Path, content: str, says: str) -> None:
    put(tmp_path, a=annotation(dog()), b=content)
    with pytest.raises(FormatError) as caught:
        voc.read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/Annotations/b.xml: ")
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", ["ImageSets/Main/train.txt", "labelmap.txt"])
def test_lists_that_are_no_text_are_a_sentence(tmp_path: Path, name: str) -> None:
    put(tmp_path, a=annotation(dog()))
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"caf\xe9\n")
    with pytest.raises(FormatError, match=name):
        voc.read(tmp_path)


@pytest.mark.parametrize("name", ["", "nowhere", "Annotations/a.xml"])
def test_what_is_no_voc_folder_is_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "Annotations").mkdir()
    if name:
        put(tmp_path, a=annotation(dog()))
    with pytest.raises(FormatError, match="it is no Pascal VOC folder"):
        voc.read(tmp_path / name)


def test_the_background_that_cvat_lists_is_no_class(tmp_path: Path) -> None:
    put(tmp_path, a=annotation(dog()))
    lines = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:1,2,3::\ndog:4,5,6::\n"
    (tmp_path / "labelmap.txt").write_text(lines, encoding="utf-8")
    assert voc.read(tmp_path).classes == ["cat", "dog"]
