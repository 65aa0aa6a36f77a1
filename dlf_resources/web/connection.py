"""The web as a stage holds it: opened in the event loop that does the work, and closed with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from dlf_core.sections import WebSettings
from dlf_resources.web.addresses import AddressGuard
from dlf_resources.web.download import Web, open_web
from dlf_resources.web.hosts import HOSTS, HostLimit, Hosts


class Connection:
    """One project's way to the web.

    Args:
        settings: the project's.
        guard: judges addresses; default: by the environment.
        hosts: paces; default: the table of this process.
    """

    def __init__(self, settings: WebSettings, guard: AddressGuard | None = None, hosts: Hosts = HOSTS):
        self.settings = settings
        self.guard = guard or AddressGuard()
        self.hosts = hosts
        hosts.default = HostLimit(settings.per_second, burst=settings.per_host, at_once=settings.per_host)
        self._web: Web | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Web]:
        """Connect in the running event loop."""
        async with open_web(self.settings, self.guard, self.hosts) as web:
            self._web = web
            try:
                yield web
            finally:
                self._web = None

    @property
    def web(self) -> Web:
        """What was opened."""
        if self._web is None:
            raise RuntimeError("the connection is not open")
        return self._web
