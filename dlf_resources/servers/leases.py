"""Who needs a managed server, and for how long: within a process one is shared by everybody who leases it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from filelock import FileLock

from dlf_core.errors import BackendUnavailable
from dlf_resources.servers.addresses import Address
from dlf_resources.servers.managed import WAIT_SECONDS, ManagedServer, ServerSettings, loaded_model
from dlf_resources.workspace import Workspace

_guard = threading.RLock()
_servers: dict[int, ManagedServer] = {}
_leases: dict[int, int] = {}
_holds = 0


@contextlib.contextmanager
def leased(
    address: Address, model: str, told: Callable[[str], None], stop: threading.Event | None = None
) -> Iterator[None]:
    """Within it, a server of the model answers at the address: one that is there already, else one of ours.

    Raises:
        BackendUnavailable: it cannot be started, or the port belongs to somebody else.
    """
    if not address.local:
        raise BackendUnavailable(
            f"'manage: true' starts a server on this machine, and {address.variable} names {address.url}; take one of "
            "the two away."
        )
    port = address.port
    with _guard, _starting(port):
        ours = _servers.get(port)
        if ours is not None and (not ours.running or ours.settings.model != model):
            ours.stop()
            ours = None
        if ours is None and loaded_model(port, address.key) != model:
            ours = ManagedServer(ServerSettings(model, port, key=address.key))
            told(f"starting mlx_vlm.server with {model} on {ours.settings.url}")
            ours.start(told, stop=stop)
            told(f"mlx_vlm.server is ready at {ours.settings.url}")
            _servers[port] = ours
        _leases[port] = _leases.get(port, 0) + 1
    try:
        yield
    finally:
        with _guard:
            _leases[port] -= 1
            _stop_unused()


@contextlib.contextmanager
def kept_running() -> Iterator[None]:
    """Within it, a server whose last lease ended goes on: the next bucket will want it."""
    global _holds
    with _guard:
        _holds += 1
    try:
        yield
    finally:
        with _guard:
            _holds -= 1
            _stop_unused()


@contextlib.contextmanager
def _starting(port: int) -> Iterator[None]:
    """One process at a time looks who serves a port and starts a server there: two would load two models for one."""
    file = Workspace.find().dagster_home / "logs" / f"serve-vlm-{port}.lock"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file, timeout=WAIT_SECONDS)
        lock.acquire()
    except OSError as error:
        raise BackendUnavailable(
            f"{file}: cannot write: {error.strerror or error}; set DAGSTER_HOME elsewhere."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _stop_unused() -> None:
    if _holds:
        return
    for port in [port for port in _servers if not _leases.get(port)]:
        _servers.pop(port).stop()
