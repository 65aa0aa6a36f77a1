"""`falcon-mlx`: boxes by Falcon Perception in this process, through mlx-vlm (Mac, or Linux without a GPU, slowly)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from hotcoco import mask as coco_mask
from PIL import Image

from dlf_core.errors import BackendError, BackendUnavailable
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.grounding.base import Detection, Grounded
from dlf_resources.grounding.repetition import without_repetition
from dlf_resources.picture import Picture
from dlf_resources.servers.addresses import falcon_model

INSTALL = "pip install 'data-label-factory[mlx]'"
# Two tokens a box, three with its mask; the model fills what it is given with repetitions.
MAX_TOKENS = 256
MAX_PIXELS = 1_003_520
MAX_QUERY = 200


class FalconMlx:
    """See the module's text. MLX is bound to the thread that loaded the model: one thread does everything."""

    name = "falcon-mlx"
    window = 3

    def __init__(self, project: Project):
        self.model = falcon_model()
        self.usage = Usage()
        self._masks = project.masks
        self._max_pixels = project.server("falcon-mlx").max_pixels or MAX_PIXELS
        self._loaded: tuple[Any, Any] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.parameters: Parameters = {"max_pixels": self._max_pixels, "max_tokens": MAX_TOKENS}
        if self._masks:
            self.parameters["masks"] = 1

    def check(self, queries: Sequence[str]) -> None:
        """Queries are short and hold none of the model's own markers.

        Raises:
            BackendUnavailable: mlx-vlm is not installed.
            BackendError: a query that the model cannot be asked.
        """
        if find_spec("mlx_vlm") is None:
            raise BackendUnavailable(f"backend '{self.name}' needs mlx-vlm; install it with: {INSTALL}")
        for query in queries:
            if "<|" in query or len(query) > MAX_QUERY:
                raise BackendError(
                    f"query '{query[:40]}' cannot be asked of Falcon: at most {MAX_QUERY} characters and no '<|'."
                )

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Loads the model; see `GroundingBackend.connected`."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="falcon-mlx")
        try:
            await self._in_its_thread(self._load)
            yield
        finally:
            # Without this the process may abort at its end, when the thread's streams are torn down.
            await self._in_its_thread(_clear_streams)
            self._thread.shutdown(wait=True)
            self._thread = self._loaded = None

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """See `GroundingBackend.ground`."""
        # Not in the model's thread: the next picture is made ready while it draws.
        image = await asyncio.to_thread(picture.within, self._max_pixels)
        return await self._in_its_thread(lambda: self._ground(image, queries))

    async def _in_its_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _load(self) -> None:
        from mlx_vlm.utils import load

        if self.model.startswith(("/", "./", "../", "~")) and not Path(self.model).expanduser().is_dir():
            raise BackendUnavailable(f"FALCON_MODEL_PATH names {self.model}, and there is no such folder.")
        try:
            model, processor = load(str(Path(self.model).expanduser()) if self.model[:1] == "~" else self.model)
        except MemoryError:
            raise
        except Exception as error:  # a damaged checkpoint fails in any of its readers' ways
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise BackendUnavailable(
                f"Falcon cannot be loaded from '{self.model}' ({said}); set FALCON_MODEL_PATH to a folder with its "
                "checkpoint, or let this machine reach huggingface.co once."
            ) from None
        if not hasattr(model, "generate_perception"):
            raise BackendUnavailable(
                f"'{self.model}' is no Falcon Perception checkpoint; set FALCON_MODEL_PATH to one."
            )
        if not self._masks:
            model.pop("conv_segm", None)  # the mask head takes a hundred times as long as the boxes
        self._loaded = model, processor

    def _ground(self, image: Image.Image, queries: Sequence[str]) -> Grounded:
        assert self._loaded is not None
        model, processor = self._loaded
        found: dict[str, list[Detection] | Exception] = {}
        for query in queries:
            began = time.perf_counter()
            try:
                said = model.generate_perception(
                    processor, image=image, query=query, max_new_tokens=MAX_TOKENS, temperature=0.0
                )
                found[query] = without_repetition([_detection(entry, image) for entry in said])
            except MemoryError:
                raise
            except Exception as error:  # of one query on one image, whatever the model makes of it
                found[query] = BackendError(f"Falcon failed on the query: {type(error).__name__}: {error}")
            self.usage.requests += 1
            self.usage.backend_seconds += time.perf_counter() - began
        return found


def _detection(entry: dict[str, Any], image: Image.Image) -> Detection:
    """mlx-vlm gives centre and size in [0, 1]."""
    x, y = float(entry["xy"]["x"]), float(entry["xy"]["y"])
    width, height = float(entry["hw"]["w"]), float(entry["hw"]["h"])
    mask = None
    if entry.get("mask") is not None:
        rle = coco_mask.encode(np.asarray(entry["mask"], dtype=np.uint8))
        mask = json.dumps({"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")})
    return Detection(x - width / 2, y - height / 2, x + width / 2, y + height / 2, None, ScoreKind.NONE, mask)


def _clear_streams() -> None:
    import mlx.core as mx

    mx.clear_streams()
