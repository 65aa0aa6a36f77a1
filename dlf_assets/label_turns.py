"""Which backends are asked about which image: those of the YAML, or its imported labels where it has some."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dlf_assets.pictures import KeptImages
from dlf_core.project import Project
from dlf_resources.grounding import GroundingBackend
from dlf_resources.grounding.imported import ImportedGrounding
from dlf_resources.imported_labels import ImportedLabels
from dlf_resources.stores.base import Store


def imported_of(project: Project, store: Store) -> ImportedGrounding | None:
    """The labels that were imported into a project; None without any."""
    labels = ImportedLabels.of(project, store)
    return None if labels is None else ImportedGrounding(project, labels)


@dataclass(frozen=True, slots=True)
class Turns:
    """An image and a backend each, image by image.

    Attributes:
        backends: those that are asked at all.
        numbers: of the image of each turn.
        asked: the backend of each turn, by its place among `backends`.
    """

    backends: list[GroundingBackend]
    numbers: array[int]
    asked: array[int]

    @classmethod
    def of(cls, images: KeptImages, backends: Sequence[GroundingBackend], imported: ImportedGrounding | None) -> Turns:
        """All turns; an image with imported labels is asked of nobody else, and who is asked nothing is left out."""
        known = [imported is not None and image_id in imported for image_id in images]
        others = list(backends) if not all(known) or not known else []
        every: list[GroundingBackend] = [*others, *([imported] if imported is not None and any(known) else [])]
        numbers, asked = array("q"), array("h")
        for number, is_known in enumerate(known):
            places = [len(others)] if is_known else range(len(others))
            for place in places:
                numbers.append(number)
                asked.append(place)
        return cls(every, numbers, asked)

    def __getitem__(self, turn: int) -> tuple[int, GroundingBackend]:
        return self.numbers[turn], self.backends[self.asked[turn]]

    def pairs(self, images: KeptImages) -> Iterator[tuple[str, GroundingBackend]]:
        """The image id and backend of each turn."""
        for number, place in zip(self.numbers, self.asked, strict=True):
            yield images.id_of(number), self.backends[place]

    def first(self, images: int) -> int:
        """The turns of the first so many images."""
        return sum(1 for number in self.numbers if number < images)

    def images(self, turns: int) -> int:
        """About how many images so many turns are."""
        if not self.numbers:
            return 0
        return -(-turns * (self.numbers[-1] + 1) // len(self.numbers))
