"""What the tests of dlf_resources share: odd pictures, hand-made rows, a user without rights."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import odd_images
import pytest
import stage_rows

from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.project import Project
from dlf_resources.dataset_pictures import StoredPictures, file_name_of
from dlf_resources.images import Limits, inspect
from dlf_resources.stores.local import LocalStore

CONFIGS = Path(__file__).resolve().parents[2] / "project_configs"


@pytest.fixture(scope="session")
def odd() -> ModuleType:
    """Maker of odd pictures."""
    return odd_images


@pytest.fixture(scope="session")
def rows() -> ModuleType:
    """Maker of stage rows."""
    return stage_rows


@pytest.fixture(scope="session")
def sample() -> Project:
    """The project that ships with the factory, with its eight photos."""
    return Project.load(CONFIGS / "sample.yaml")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes where the user's own factory lies."""
    for name in ("DLF_HOME", "DLF_DATA_ROOT", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """A project whose data lies in `tmp_path/data`; keywords are lines of its YAML."""

    def make(**lines: str) -> Project:
        every = {
            "project_name": "tiny",
            "target_object": "person",
            "buckets": "{positive/x: {folders: [photos]}}",
            "falcon_queries": "[person]",
            "data_root": "data",
        } | lines
        file = tmp_path / f"{every['project_name']}.yaml"
        file.write_text("".join(f"{key}: {value}\n" for key, value in every.items()), encoding="utf-8")
        return Project.load(file)

    return make


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A project with one bucket, `positive/x`, of the folder `photos`."""
    return make_project()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The folder of `project`."""
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@contextlib.contextmanager
def _as_nobody() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def as_nobody() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Within it, file permissions count: root gives its rights up for that long."""
    return _as_nobody


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter and write (pytest's own `tmp_path` is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="dlf-test-"))
    folder.chmod(0o777)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture
def soon() -> Iterator[None]:
    """Fails a test that hangs: ten seconds, then TimeoutError."""

    def late(*_: object) -> None:
        raise TimeoutError("the test waited for ten seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class RawPictures(StoredPictures):
    """Pictures below a folder, and where they lie."""

    def __init__(self, folder: Path, files: dict[str, Path]):
        keys = {image_id: file.relative_to(folder).as_posix() for image_id, file in files.items()}
        super().__init__(LocalStore(folder), keys)
        self.files = files

    def __getitem__(self, image_id: str) -> Path:
        return self.files[image_id]


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., tuple[Dataset, RawPictures]]:
    """A data set of raw files with these contents, a box on each; and where the files lie."""
    box = LabeledBox("person", 0.25, 0.25, 0.75, 0.5, box_id="b1", verdict="YES", decision="none")

    def build(
        contents: Sequence[bytes],
    ) -> tuple[Dataset, RawPictures]:
        images: list[LabeledImage] = []
        raw: dict[str, Path] = {}
        for number, content in enumerate(contents):
            facts = inspect(content, Limits())
            image_id = f"image{number}"
            raw[image_id] = tmp_path / "raw" / f"{image_id}.{facts.extension}"
            raw[image_id].parent.mkdir(exist_ok=True)
            raw[image_id].write_bytes(content)
            name = file_name_of(image_id, facts.format)
            split = "train" if number % 2 == 0 else "val"
            images.append(LabeledImage(image_id, name, facts.width, facts.height, split, boxes=(box,)))
        return Dataset.of("tiny", ["person"], images), RawPictures(tmp_path, raw)

    return build
