"""Whether a backend is there, with which model, and how fast it answers a probe picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec

from dlf_core.errors import BackendError, FactoryError
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.grounding.falcon import FalconServer
from dlf_resources.servers import mac_tensor
from dlf_resources.servers.addresses import Address, falcon_addresses, falcon_model, gemma_addresses, qwen_addresses
from dlf_resources.servers.chat import chat_server
from dlf_resources.servers.downloads import on_disk
from dlf_resources.vlm.mac_tensor import MacTensorVlm

BACKENDS = ("embedded", "qwen", "gemma", "falcon", "falcon-mlx")
PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Health:
    """One backend.

    Attributes:
        backend: its name in the YAML.
        ok: whether it can be asked now.
        said: in words: what it has, or what is wrong and the way out.
        url: where it was looked for; None for one in this process.
        model: the model that answers.
        logprobs: whether it tells log-probabilities; None where that is no question.
        latency_ms: time for one probe picture.
    """

    backend: str
    ok: bool
    said: str
    url: str | None = None
    model: str | None = None
    logprobs: bool | None = None
    latency_ms: float | None = None


def look(backend: str, project: Project | None = None) -> Health:
    """Ask one backend how it is, with a project's settings or its own. Raises no FactoryError; half a minute at most.

    With `manage: true`, a `qwen` that is not running is fine: a run starts it.
    """
    own = project or Project(project_name="status", target_object="x", buckets={"x": Bucket()}, falcon_queries=["x"])
    try:
        found = _LOOKS[backend](own)
    except FactoryError as error:
        found = Health(backend, False, str(error).rstrip("."))
    if found.ok or backend != "qwen" or not own.backends.manage or find_spec("mlx_vlm") is None:
        return found
    return Health(backend, True, "not running; a run starts it and stops it (manage: true)", found.url)


def _in_loop(work: Callable[[], Awaitable[Health]]) -> Health:
    async def limited() -> Health:
        return await asyncio.wait_for(work(), PROBE_SECONDS)

    try:
        return asyncio.run(limited())
    except TimeoutError:
        raise BackendError(f"no answer to a probe picture within {PROBE_SECONDS:.0f} s") from None


def _of_all(addresses: list[Address], look_at: Callable[[Address], Health]) -> Health:
    """How the servers of a backend are; it can be asked while one of them can."""
    if len(addresses) == 1:
        return look_at(addresses[0])
    found = []
    for address in addresses:
        try:
            found.append(look_at(address))
        except BackendError as error:
            found.append(Health(address.backend, False, str(error).rstrip("."), address.url))
    there = [one for one in found if one.ok]
    said = f"{len(there)} of {len(found)} servers answer: " + "; ".join(one.said for one in found)
    urls = ", ".join(address.url for address in addresses)
    return replace((there or found)[0], ok=bool(there), said=said, url=urls)


def _qwen(project: Project, address: Address) -> Health:
    server = chat_server(project, address)

    async def work() -> Health:
        async with server.connected():
            began = time.perf_counter()
            said = await server.probe()
            took = (time.perf_counter() - began) * 1000
        logprobs = bool(said.alternatives)
        words = "log-probabilities" if logprobs else "no log-probabilities (start it with --top-logprobs-k 5)"
        told = f"{server.model} at {server.address.url}, {words}, {took:.0f} ms a probe picture"
        return Health("qwen", True, told, server.address.url, server.model, logprobs, round(took, 1))

    return _in_loop(work)


def _gemma(project: Project, address: Address) -> Health:
    backend = MacTensorVlm(project, address)

    async def work() -> Health:
        async with backend.connected():
            model = (await mac_tensor.info(backend.client)).model
            began = time.perf_counter()
            await backend.probe()
            took = (time.perf_counter() - began) * 1000
        told = f"{model} at {backend.address.url}, no log-probabilities, {took:.0f} ms a probe picture"
        return Health("gemma", True, told, backend.address.url, model, False, round(took, 1))

    return _in_loop(work)


def _falcon(project: Project, address: Address) -> Health:
    backend = FalconServer(project, address)

    async def work() -> Health:
        async with backend.connected():
            began = time.perf_counter()
            await backend.probe()
            took = (time.perf_counter() - began) * 1000
        told = f"{backend.recognised} at {backend.address.url}, {took:.0f} ms a probe picture"
        return Health("falcon", True, told, backend.address.url, backend.model, None, round(took, 1))

    return _in_loop(work)


def _falcon_mlx(project: Project) -> Health:
    if find_spec("mlx_vlm") is None:
        install = "pip install 'data-label-factory[mlx]'"
        return Health("falcon-mlx", False, f"mlx-vlm is not installed; install it with: {install}")
    model, version = falcon_model(), metadata.version("mlx-vlm")
    there = "on this disk" if on_disk(model) else "not on this disk: fetched when it is first used"
    return Health("falcon-mlx", True, f"mlx-vlm {version} in this process; {model} is {there}", model=model)


def _embedded(project: Project) -> Health:
    from PIL import Image

    from dlf_resources.detectors import coco_ssd, nanodet

    picture = Image.new("RGB", (640, 480), (120, 120, 120))
    coco_ssd.detect(picture, [0], 0.5)
    nanodet.detect(picture, [0], 0.5)
    began = time.perf_counter()
    coco_ssd.detect(picture, [0], 0.5)
    middle = time.perf_counter()
    nanodet.detect(picture, [0], 0.5)
    label, verify = (middle - began) * 1000, (time.perf_counter() - middle) * 1000
    told = f"{coco_ssd.MODEL} {label:.0f} ms, {nanodet.MODEL} {verify:.0f} ms an image on the CPU; 80 COCO classes"
    model = f"{coco_ssd.MODEL}, {nanodet.MODEL}"
    return Health("embedded", True, told, model=model, latency_ms=round(label + verify, 1))


_LOOKS: dict[str, Callable[[Project], Health]] = {
    "embedded": _embedded,
    "qwen": lambda project: _of_all(qwen_addresses(), lambda one: _qwen(project, one)),
    "gemma": lambda project: _of_all(gemma_addresses(), lambda one: _gemma(project, one)),
    "falcon": lambda project: _of_all(falcon_addresses(), lambda one: _falcon(project, one)),
    "falcon-mlx": _falcon_mlx,
}
