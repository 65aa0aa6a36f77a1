"""What a detector finds, and the ONNX Runtime session it runs in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlf_core.boxes import Boxes, nms
from dlf_core.errors import BackendUnavailable

if TYPE_CHECKING:
    import onnxruntime

# Anchors overlap heavily: one object fires many of them.
_ANCHOR_NMS_IOU = 0.6


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections of one class: `boxes` `[n, 4]` in [0, 1] of the image given, `scores` `[n]`, best first."""

    boxes: Boxes
    scores: NDArray[np.float64]

    @classmethod
    def of(cls, boxes: Boxes, scores: NDArray[np.float64]) -> Detections:
        """From a detector's anchors: NMS within the class."""
        index = nms(boxes, scores, _ANCHOR_NMS_IOU)
        return cls(boxes[index], scores[index])


@lru_cache(maxsize=4)
def session(file: str) -> onnxruntime.InferenceSession:
    """The session of a packaged model, made once a process; its `run` may be called from many threads.

    One thread a session: many images at once keep the cores busier than many threads on one image, and
    the sums are then the same in every run.

    Raises:
        BackendUnavailable: onnxruntime is not installed or the file is damaged.
    """
    try:
        import onnxruntime
    except ImportError:
        text = "the embedded backend needs onnxruntime: pip install 'data-label-factory'"
        raise BackendUnavailable(text) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    content = resources.files(__package__).joinpath(file).read_bytes()
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        first = str(error).splitlines()[0]
        text = f"the packaged model {file} does not load ({first}); install data-label-factory again."
        raise BackendUnavailable(text) from None
