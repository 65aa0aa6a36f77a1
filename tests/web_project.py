"""A workspace whose three search services, and the photos that they find, are on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import dagster as dg
import numpy as np
from factory import KEY, Factory
from markdown_it import MarkdownIt
from markdown_it.token import Token
from model_servers.loopback import Loopback, Reply, Request
from PIL import Image
from web_servers import duckduckgo, openverse, wikimedia
from web_servers.loopback import Row, place
from workspaces import TestWorkspace

from dlf_assets.partitions import add_missing
from dlf_core.errors import SourceError
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.progress import LogReporter
from dlf_resources.sources import Candidate, Source, Surroundings
from dlf_resources.sources.searching import Asking, Search, search
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.searches import Searches
from dlf_resources.web.addresses import AddressGuard
from dlf_resources.web.connection import Connection
from dlf_resources.web.hosts import HOSTS, HostLimit, Hosts

NETWORKS = "127.0.0.0/8,::1/128"
SETTINGS = "{contact: me@example.org, per_second: null, per_host: 32}"
SERVICES = ("openverse", "wikimedia", "duckduckgo")
FAST = HostLimit(None, 64, 64)


@functools.cache
def photo(number: int, width: int = 160, height: int = 120) -> bytes:
    """A JPEG like no other number's."""
    noise = np.random.default_rng(number).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(content, "JPEG", quality=85)
    return content.getvalue()


class Photos(Loopback):
    """A host of pictures: `/7.jpg` is photo 7; `files` answers other paths, `next` and `always` spoil any.

    Attributes:
        seconds: every photo takes so long.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, Reply] = {}

    def good(self, request: Request) -> Reply:
        path = place(request)
        if path in self.files:
            return self.files[path]
        stem = path.removeprefix("/").removesuffix(".jpg")
        if not stem.isdecimal():
            return Reply(b"<html>Not found</html>", 404, "text/html")
        return Reply(photo(int(stem)), 200, "image/jpeg", seconds=self.seconds)

    def at(self, number: int) -> str:
        """The address of a photo."""
        return f"{self.url}/{number}.jpg"

    def serve(self, path: str, content: bytes, media_type: str = "image/jpeg", **headers: str) -> str:
        """Have another file; its address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = Reply(content, 200, media_type, named)
        return self.url + path

    @property
    def asked_for(self) -> Counter[str]:
        """Path → requests."""
        return Counter(place(request) for request in self.requests)


class WebOfThree(contextlib.AbstractContextManager["WebOfThree"]):
    """The services, each with `rows`, and the photos; all run within `with`.

    Args:
        apart: a service that is asked as `localhost`: for the pace of hosts it is another one than the rest.
    """

    def __init__(self, apart: str | None = None) -> None:
        self.openverse = openverse.Openverse()
        self.wikimedia = wikimedia.Commons()
        self.duckduckgo = duckduckgo.DuckDuckGo()
        self.photos = Photos()
        self.apart = apart
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for server in (self.openverse, self.wikimedia, self.duckduckgo, self.photos):
            self._open.enter_context(server)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    @property
    def env(self) -> dict[str, str]:
        """What leads the sources here."""
        found = {"DLF_ALLOWED_NETWORKS": NETWORKS}
        for name in SERVICES:
            url = getattr(self, name).url
            found[f"{name.upper()}_URL"] = url.replace("127.0.0.1", "localhost") if name == self.apart else url
        return found

    def openverse_rows(self, *numbers: int, **more: object) -> list[Row]:
        return [openverse.image(number, **{"url": self.photos.at(number)} | more) for number in numbers]

    def wikimedia_rows(self, *numbers: int, **metadata: str | None) -> list[Row]:
        return [
            wikimedia.file(number, {"url": self.photos.at(number), "width": 800, "height": 600}, **metadata)
            for number in numbers
        ]

    def duckduckgo_rows(self, *numbers: int, **more: object) -> list[Row]:
        return [duckduckgo.image(number, **{"image": self.photos.at(number)} | more) for number in numbers]

    def searches(self) -> dict[str, int]:
        """Requests to each service."""
        return {name: len(getattr(self, name).requests) for name in SERVICES}


def write_web_project(workspace: TestWorkspace, bucket: str = "{queries: [fruit]}", **more: str) -> Path:
    """A project `p` with the one bucket `positive/x`; `more` adds top-level lines."""
    lines = {
        "project_name": "p",
        "target_object": "person",
        "falcon_queries": "[person]",
        "backends": "{filter: embedded, label: embedded, verify: embedded}",
        "web": SETTINGS,
        "buckets": f"{{positive/x: {bucket}}}",
    } | more
    file = workspace.root / "project_configs" / "p.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()), encoding="utf-8")
    return file


def leading_to(workspace: TestWorkspace, web: WebOfThree) -> TestWorkspace:
    """The workspace, whose real commands ask the services of `web`."""

    class Leading(TestWorkspace):
        @property
        def env(self) -> dict[str, str]:
            return super().env | web.env

    return Leading(workspace.root)


class WebFactory(Factory):
    """A project in a workspace, run by Dagster in this process over services on loopback.

    Every gather begins as a new process would: no host has a past.
    """

    def __init__(self, workspace: TestWorkspace, instance: dg.DagsterInstance, web: WebOfThree):
        super().__init__(workspace, instance)
        self.web = web

    def project(self, bucket: str = "{queries: [fruit]}", **more: str) -> Project:  # type: ignore[override]
        project = Project.load(write_web_project(self.workspace, bucket, **more))
        add_missing(self.instance, [project])
        return project

    def gather(self, **config: Any) -> dict[str, Any]:
        """Metadata of the materialisation; empty when the gather failed."""
        HOSTS._hosts.clear()
        return self.run("gather", gathered_images=config).get("gathered_images", {})

    def rows(self) -> list[dict[str, Any]]:
        """The gather table, in the order of the candidates."""
        return sorted(self.table("gather").to_pylist(), key=lambda row: row["order"])

    def states(self) -> dict[str, str]:
        """Last part of the address → state."""
        return {row["url"].rpartition("/")[2]: row["state"] for row in self.rows()}

    def folder(self, kind: str) -> Path:
        """`labels/gather/<key>.<kind>`."""
        return self.workspace.data("p") / "labels" / "gather" / f"{KEY}.{kind}"


@contextlib.contextmanager
def web_factory(workspace: TestWorkspace, setenv: Callable[[str, str], None], web: WebOfThree) -> Iterator[WebFactory]:
    """For a fixture; `setenv` is monkeypatch's."""
    for name, value in (workspace.env | web.env).items():
        setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        yield WebFactory(workspace, instance, web)


@dataclass(frozen=True)
class Answer:
    """What one line given to one source came to."""

    candidates: list[Candidate]
    error: SourceError | None
    warnings: list[str]


def connection_of(project: Project) -> Connection:
    """A way to loopback, with a table of hosts of its own."""
    connection = Connection(
        project.web, AddressGuard(allowed=[ipaddress.ip_network("127.0.0.0/8")]), hosts := Hosts(FAST)
    )
    hosts.default = FAST
    return connection


def ask(kind: Callable[[Surroundings], Source], project: Project, *lines: str, most: int | None = 30) -> list[Answer]:
    """Give one source lines, one after the other."""
    warnings: list[str] = []
    connection = connection_of(project)
    nowhere = Path("nowhere")
    source = kind(Surroundings(project, connection, nowhere, nowhere, warnings.append))

    async def all_lines() -> list[Answer]:
        answers = []
        async with connection.open():
            for line in lines or ("fruit",):
                answer = Answer([], None, warnings)
                try:
                    async for candidate in source.find(line, most):
                        answer.candidates.append(candidate)
                except SourceError as error:
                    answer = replace(answer, error=error)
                answers.append(answer)
        return answers

    return asyncio.run(all_lines())


def search_one(kind: Callable[[Surroundings], Source], project: Project, memory: Path, line: str = "fruit") -> Search:
    """The same as a gather asks: what goes wrong is told, and raised by nobody."""
    connection = connection_of(project)
    source = kind(Surroundings(project, connection, memory, memory))
    told = LogReporter(lambda text: None)
    searches = Searches(LocalStore(memory), "p__positive.x")
    asking = Asking(Bucket(queries=[line]), 30, searches, told, lambda name: contextlib.nullcontext())

    async def in_turn() -> list[Search]:
        async with connection.open():
            return await search(source, asking)

    [found] = asyncio.run(in_turn())
    return found


@dataclass(frozen=True)
class Line:
    """A picture's line as a reader of the rendered file sees it: its text, and text → address of its links."""

    text: str
    links: list[tuple[str, str]]
    kinds: set[str]


def rendered_items(markdown: str) -> list[Line]:
    """The items of the last list of the file, by a Markdown parser."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    start = max(number for number, token in enumerate(tokens) if token.type == "bullet_list_open")
    return [_seen(token) for token in tokens[start:] if token.type == "inline"]


def _seen(token: Token) -> Line:
    text, links, kinds, inside = "", [], set(), None
    for child in token.children or []:
        kinds.add(child.type)
        if child.type == "link_open":
            inside = (len(text), str(child.attrs["href"]))
        elif child.type == "link_close" and inside is not None:
            links.append((text[inside[0] :], inside[1]))
            inside = None
        text += child.content
    return Line(text, links, kinds)
