"""CVAT for images 1.1 as CVAT writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import cvat

LABELS = """<labels>
  <label><name>car</name><color>#ff0000</color><type>rectangle</type><attributes>
    <attribute><name>parked</name><mutable>False</mutable><input_type>checkbox</input_type>
      <default_value>false</default_value><values>false</values></attribute></attributes></label>
  <label><name>road, wet</name><color>#00ff00</color><type>polygon</type><attributes></attributes></label>
</labels>"""
TASK = f"<meta><task><id>4</id><name>streets</name><size>2</size><mode>annotation</mode>{LABELS}</task></meta>"
PROJECT = f"<meta><project><id>1</id><name>p</name><tasks><task><id>4</id></task></tasks>{LABELS}</project></meta>"
BOX = """<box label="car" source="manual" occluded="1" xtl="20.00" ytl="10.00" xbr="60.5" ybr="30" z_order="0"{more}>
  <attribute name="parked">true</attribute></box>"""
POLYGON = '<polygon label="road, wet" source="manual" occluded="0" points="0,0;9,9;0,9" z_order="0"></polygon>'
OTHERS = POLYGON + (
    '<polyline label="road, wet" occluded="0" points="1,1;2,2" z_order="0"></polyline>'
    '<points label="car" occluded="0" points="1,1" z_order="0"></points>'
    '<mask label="car" occluded="0" rle="1, 2" left="0" top="0" width="3" height="1" z_order="0"></mask>'
    '<tag label="car" source="manual"></tag>'
)


def image(name: str = "a.jpg", inner: str = "", *, subset: str = "", size: str = 'width="100" height="50"') -> str:
    return f'<image id="0" name="{name}" {subset} task_id="4" {size}>{inner}</image>'


def put(file: Path, *images: str, meta: str = TASK) -> Path:
    head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>'
    file.write_text(f"{head}{meta}{''.join(images)}</annotations>", encoding="utf-8")
    return file


def box(more: str = "") -> str:
    return BOX.format(more=more)


@pytest.mark.parametrize("meta", [TASK, PROJECT])
def test_boxes_are_read_and_other_shapes_are_not(tmp_path: Path, meta: str) -> None:
    found = cvat.read(put(tmp_path / "annotations.xml", image(inner=POLYGON + box() + OTHERS), meta=meta))
    assert found.classes == ["car", "road, wet"]
    (one,) = found.images
    assert (one.image_id, one.file_name, one.width, one.height, one.split) == ("a", "a.jpg", 100, 50, "train")
    (drawn,) = one.boxes
    assert (drawn.class_name, drawn.crowd, drawn.box_id) == ("car", False, None)
    assert (drawn.x1, drawn.y1, drawn.x2, drawn.y2) == pytest.approx((0.2, 0.2, 0.605, 0.6))


def test_subsets_are_splits(tmp_path: Path) -> None:
    words = ["Train", "Validation", "Test", "default", "val"]
    images = [image(f"{word}.jpg", subset=f'subset="{word}"') for word in words]
    found = cvat.read(put(tmp_path / "annotations.xml", *images, image("none.jpg")))
    assert [one.split for one in found.images] == ["train", "val", "test", "train", "val", "train"]


def test_a_folder_within_the_name_is_left_out(tmp_path: Path) -> None:
    (one,) = cvat.read(put(tmp_path / "annotations.xml", image("day/one/a.b.png"))).images
    assert (one.image_id, one.file_name) == ("a.b", "a.b.png")


def test_the_file_may_have_any_name(tmp_path: Path) -> None:
    assert len(cvat.read(put(tmp_path / "streets.xml", image())).images) == 1


def test_a_label_that_is_not_declared_is_a_class_too(tmp_path: Path) -> None:
    found = cvat.read(put(tmp_path / "x.xml", image(inner=box().replace('"car"', '"bus"'))))
    assert found.classes == ["car", "road, wet", "bus"]


def test_a_turned_rectangle_is_no_upright_box(tmp_path: Path) -> None:
    inner = box(' rotation="0.00"') + box(' rotation="45.00"')
    (one,) = cvat.read(put(tmp_path / "x.xml", image(inner=inner))).images
    assert len(one.boxes) == 1


def test_attributes_of_theirs_with_names_of_ours_do_no_harm(tmp_path: Path) -> None:
    inner = box().replace('name="parked">true', 'name="score">high')
    (one,) = cvat.read(put(tmp_path / "x.xml", image(inner=inner))).images
    assert [(drawn.class_name, drawn.score) for drawn in one.boxes] == [("car", None)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not XML"),
        ("{}", "is not XML"),
        ("<annotations><image", "is not XML"),
        ('<?xml version="1.0" encoding="euc_jp"?><annotations/>', "is not XML"),
        ("<annotations>\x01</annotations>", "is not XML"),
        ("<annotation><object/></annotation>", "has no <annotations>"),
        ("<annotations><version>1.1</version><track id='0' label='car'/></annotations>", "is CVAT for videos"),
    ],
)
def test_what_is_no_cvat_for_images_is_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "x.xml").write_text(content)
    with pytest.raises(FormatError) as caught:
        cvat.read(tmp_path / "x.xml")
    assert str(caught.value).startswith(f"{tmp_path}/x.xml: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        image(size=""),
        image(size='width="100"'),
        image(size='width="100" height="tall"'),
        image(size='width="0" height="50"'),
        image(size='width="100" height="-50"'),
        image(size='width="100" height="9999999999999"'),
        image().replace("name=", "title="),
        image(inner=box().replace("xtl=", "left=")),
        image(inner=box().replace("20.00", "left")),
        image(inner=box().replace("20.00", "nan")),
        image(inner=box().replace("20.00", "1e999")),
        image(inner=box().replace("label=", "class=")),
        image(inner=box(' rotation="a bit"')),
    ],
)
def test_an_image_that_does_not_fit_is_a_sentence(tmp_path: Path, content: str) -> None:
    file = put(tmp_path / "x.xml", image("good.jpg", box()), content)
    with pytest.raises(FormatError) as caught:
        cvat.read(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert str(caught.value).endswith(".")


def test_bytes_that_are_no_utf_8_are_a_sentence(tmp_path: Path) -> None:
    file = put(tmp_path / "x.xml", image("caf.jpg"))
    file.write_bytes(file.read_bytes().replace(b"caf", b"caf\xe9"))
    with pytest.raises(FormatError, match=r"x\.xml: is not XML"):
        cvat.read(file)


def test_a_folder_without_the_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"annotations\.xml: cannot be read: No such file or directory\."):
        cvat.read(tmp_path)
