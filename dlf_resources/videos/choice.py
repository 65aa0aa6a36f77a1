"""Which moments of a video become pictures: sharp ones, of every scene or every so many seconds, none twice.

Formulas:
    colours: half the sum of absolute differences of the RGB histograms (8 × 8 × 8 bins, as shares) of a frame and the
        one before: 0 to 1, and deaf to motion (1 less the intersection of Swain and Ballard, IJCV 7, 1991).
    pixels: mean absolute difference of the same two frames, 0 to 255.
    cut: one of the two reaches its least value and three times the mean of its two neighbours on either side (the
        rolling mean of PySceneDetect's AdaptiveDetector, whose ratio of 3 and window of 2 these are).
    sharpness: variance of the Laplacian over the variance of grey. The first is Pech-Pacheco et al., Diatom
        autofocusing in brightfield microscopy, ICPR 2000 ("LAP4" in Pertuz, Puig, Garcia, Pattern Recognition 46,
        2013). Divided, it does not fall with contrast and light. Judged against the video's own median: there is no
        absolute scale.
    sameness: mean absolute difference of 32 × 32 grey values.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float64]

_COLOURS, _PIXELS, _TIMES, _NEIGHBOURS = 0.2, 15.0, 3.0, 2


@dataclass(frozen=True, slots=True)
class Taste:
    """Which frames are wanted.

    Attributes:
        every: seconds; one picture of each such stretch. None: one of each scene.
        scenes: start a new stretch at every cut.
        max_frames: at most so many, spread over the time.
        looks: per second, in the first pass.
        blur: drop what is less sharp than this share of the video's median; 0 keeps all.
        same: drop what differs from the picture before by less than this mean of grey levels (0 to 255); 0 keeps all.
        min_scene: seconds; cuts that follow another sooner do not count.
        max_pixels: width times height of a frame that is taken on.
        max_seconds: no further into the video than this.
    """

    every: float | None = None
    scenes: bool = True
    max_frames: int = 50
    looks: float = 8.0
    blur: float = 0.1
    same: float = 3.0
    min_scene: float = 0.6
    max_pixels: int = 3840 * 2160
    max_seconds: float | None = None


@dataclass(slots=True)
class Looks:
    """What the first pass keeps.

    Attributes:
        times, colours, pixels: of every frame; how much it differs from the one before.
        pts, seconds, sharpness, thumb: of the frames that were looked at.
    """

    times: list[float] = field(default_factory=list)
    colours: list[float] = field(default_factory=list)
    pixels: list[float] = field(default_factory=list)
    pts: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    thumb: list[Pixels] = field(default_factory=list)


def histogram(rgb: Pixels) -> Numbers:
    """The share of the pixels in each of 8 × 8 × 8 colours."""
    third = (rgb >> 5).astype(np.int32)
    bins = third[..., 0] * 64 + third[..., 1] * 8 + third[..., 2]
    return np.bincount(bins.ravel(), minlength=512) / bins.size


def sharpness(grey: NDArray[np.float32]) -> float:
    """Variance of the Laplacian over the variance of grey; 0 for a flat picture."""
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    spread = float(middle.var())
    return float(laplacian.var()) / spread if spread > 1 else 0.0


def cuts(looks: Looks, min_scene: float) -> list[float]:
    """Seconds at which a scene starts, without the first."""
    found: list[float] = []
    last = looks.times[0] if looks.times else 0.0
    for at in sorted(_peaks(looks.colours, _COLOURS) | _peaks(looks.pixels, _PIXELS)):
        if looks.times[at] - last >= min_scene:
            last = looks.times[at]
            found.append(last)
    return found


def _peaks(values: Sequence[float], least: float) -> set[int]:
    """Where a value is large, and large beside its neighbours. The first has none before it."""
    peaks = set()
    for at in range(1, len(values)):
        if values[at] < least:
            continue
        around = [*values[max(1, at - _NEIGHBOURS) : at], *values[at + 1 : at + 1 + _NEIGHBOURS]]
        if not around or values[at] >= _TIMES * sum(around) / len(around):
            peaks.add(at)
    return peaks


def choose(looks: Looks, taste: Taste) -> list[int]:
    """Which of the frames looked at are taken: of each stretch the sharpest, not blurred, not like the one before."""
    sharp = np.asarray(looks.sharpness)
    least = taste.blur * float(np.median(sharp))
    kept: list[int] = []
    for first, after in _stretches(looks, taste):
        # The first and last looks of a scene may lie in a fade.
        edge = (after - first) // 8
        best = first + edge + int(np.argmax(sharp[first + edge : after - edge]))
        if sharp[best] < least:
            continue
        if kept and difference(looks.thumb[best], looks.thumb[kept[-1]]) < taste.same:
            continue
        kept.append(best)
    return _spread(kept, [looks.seconds[one] for one in kept], taste.max_frames)


def difference(thumb: Pixels, other: Pixels) -> float:
    """Mean absolute difference."""
    return float(np.abs(thumb.astype(np.int16) - other).mean())


def _stretches(looks: Looks, taste: Taste) -> Iterator[tuple[int, int]]:
    """Index ranges, one picture of each."""
    seconds = np.asarray(looks.seconds)
    starts = np.searchsorted(seconds, cuts(looks, taste.min_scene) if taste.scenes else [])
    bounds = [0, *starts.tolist(), len(seconds)]
    for first, after in itertools.pairwise(bounds):
        if first == after:  # a scene between two looks
            continue
        if taste.every is None:
            yield first, after
            continue
        pieces = ((seconds[first:after] - seconds[first] + 1e-6) // taste.every).astype(int)
        edges = [first, *(first + np.flatnonzero(np.diff(pieces)) + 1).tolist(), after]
        yield from itertools.pairwise(edges)


def _spread(kept: list[int], seconds: list[float], most: int) -> list[int]:
    """At most so many, far from each other in time: again and again the one farthest from those taken."""
    if len(kept) <= most:
        return kept
    times: Numbers = np.asarray(seconds)
    at = int(np.argmin(np.abs(times - times.mean()))) if most == 1 else 0
    taken = [at]
    apart = np.abs(times - times[at])
    while len(taken) < most:
        taken.append(int(np.argmax(apart)))
        apart = np.minimum(apart, np.abs(times - times[taken[-1]]))
    return [kept[one] for one in sorted(taken)]
