"""Pictures of a data set, many at once and in order: where they come over a network, all of the time is waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import Dataset

Item = TypeVar("Item")
Result = TypeVar("Result")


def place_in(folder: Path, dataset: Dataset, pictures: Pictures) -> None:
    """Put the files of all images into a folder, which need not be there."""
    folder.mkdir(exist_ok=True)
    for part in dataset.parts():
        names = zip(part.images["image_id"], part.images["file_name"], strict=True)
        place_all(pictures, ((image_id, folder / name) for image_id, name in names))


def place_all(pictures: Pictures, targets: Iterable[tuple[str, Path]]) -> None:
    """Put images' files at paths.

    Args:
        pictures: where they come from.
        targets: image id and path of each.
    """
    for _ in _ahead(lambda one: pictures.place(*one), targets, pictures.at_once):
        pass


def read_all(pictures: Pictures, names: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """The bytes of images, in their order; at most `at_once` of them wait in memory.

    Args:
        pictures: where they come from.
        names: image id and file name of each.
    """
    return _ahead(lambda one: pictures.read(*one), names, pictures.at_once)


def _ahead(work: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> Iterator[Result]:
    if at_once == 1:  # threads would only take turns
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(at_once, "pictures") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) == at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
