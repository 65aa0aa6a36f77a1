"""The Hub on loopback: what `huggingface_hub` 2.4 asks of it for data sets.

    with Hub() as hub:
        api = HfApi(endpoint=hub.url, token=TOKEN)
        api.create_repo("maker/cars", repo_type="dataset")

The client alone decides whether large files are uploaded by LFS or by Xet, see `hub.client`; this Hub takes both, and
gives them back by LFS. They lie at `hub.storage`, another origin, to which a token must never come.

As the real one: a new repository holds a commit with `.gitattributes`; a commit whose parent is not the head is
refused with 412; a repository that one may not read is not there: 404, and 401 to a client without a token. Unlike it:
one branch, no tags, no pull requests, no .gitignore, no models or Spaces.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

from model_servers.loopback import Reply, Request, said

from hub.card import Card, checked
from hub.listener import Listener, parts, place, query, ranged, refusal
from hub.repos import Commit, File, Operation, Repo, Row, changed
from hub.storage import SIGNED, Storage

TOKEN = "hf_loopbackTokenThatMayWrite"
READER = "hf_loopbackTokenThatMayRead"
PAGE = 1000
MOVED = "A commit has happened since. Please refresh and try again."
BAD_TOKEN = "Invalid credentials in Authorization header"


class Hub(Listener):
    """See the module's text.

    Attributes:
        tokens: those that may write in the user's own namespaces.
        readers: those that may only read there.
        user, organizations: the namespaces of all tokens.
        storage: where large files lie.
        repos: name → repository.
        page: entries of a listing in one reply.

    Args:
        part_bytes: files in LFS that are larger are uploaded in parts of so many bytes.
    """

    def __init__(self, user: str = "maker", organizations: Iterable[str] = (), part_bytes: int = 5_000_000) -> None:
        super().__init__()
        self.tokens = {TOKEN}
        self.readers = {READER}
        self.user = user
        self.organizations = list(organizations)
        self.repos: dict[str, Repo] = {}
        self.storage = Storage(self.repos, part_bytes)
        self.page = PAGE

    # what a test says and asks

    def __enter__(self) -> Self:
        self.storage.__enter__()
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            super().__exit__(kind, error, at)
        finally:
            self.storage.__exit__(kind, error, at)

    def add(self, repo_id: str, files: Mapping[str, bytes] | None = None, private: bool = False) -> Repo:
        """Have a repository with these files, committed at once."""
        repo = self.repos[repo_id] = Repo(repo_id, private)
        if files:
            made = {path: File(text, repo.goes_to_lfs(path, len(text), text[:512])) for path, text in files.items()}
            repo.uploaded |= {file.sha256: file.content for file in made.values() if file.lfs}
            operations = [Operation("lfsFile" if file.lfs else "file", path) for path, file in made.items()]
            repo.commit("Add files", "", dict(repo.head.files) | made, operations)
        return repo

    def files(self, repo_id: str) -> dict[str, bytes]:
        """What lies on `main`, without `.gitattributes`."""
        files = self.repos[repo_id].head.files
        return {path: file.content for path, file in sorted(files.items()) if path != ".gitattributes"}

    def commits(self, repo_id: str) -> list[Commit]:
        """Those after the first one, which the Hub makes itself; the oldest first."""
        return self.repos[repo_id].commits[1:]

    def tokens_seen(self) -> set[str]:
        """Every Authorization that came, here and at the storage."""
        came = [*self.requests, *self.storage.requests]
        return {request.headers["authorization"] for request in came if "authorization" in request.headers}

    # the server

    def good(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        signed = query(request).get("X-Amz-Signature") == "loopback"
        if token and token not in self.tokens | self.readers:
            return refusal(401, BAD_TOKEN)
        path = parts(request)
        match request.method, path:
            case "GET", ["api", "whoami-v2"]:
                return self._who(token)
            case "POST", ["api", "validate-yaml"]:
                return _validated(request)
            case "POST", ["api", "repos", "create"]:
                return self._create(request, token)
            case "POST", ["api", "lfs", "complete"] if signed:
                return self._complete(request)
            case _, ["api", "datasets", namespace, name, *rest]:
                return self._repo(request, token, f"{namespace}/{name}", rest)
            case _, ["datasets", namespace, name, "resolve", revision, *rest]:
                return self._repo(request, token, f"{namespace}/{name}", ["resolve", revision, *rest])
            case "POST", ["datasets", namespace, name, "info", "lfs", "objects", "batch" | "verify" as verb]:
                return self._repo(request, token, f"{namespace}/{name.removesuffix('.git')}", ["lfs", verb])
        return self._unknown(request)

    def _unknown(self, request: Request) -> Reply:
        self.expect(False, f"no such thing here: {request.method} {place(request)}")
        return refusal(404, "Sorry, we can't find the page you are looking for.")

    # who asks

    def _who(self, token: str) -> Reply:
        if not token:
            return refusal(401, "Invalid username or password.")
        role = "write" if token in self.tokens else "read"
        organizations = [{"type": "org", "name": name, "roleInOrg": "write"} for name in self.organizations]
        access = {"type": "access_token", "accessToken": {"displayName": "loopback", "role": role}}
        return said({"type": "user", "name": self.user, "orgs": organizations, "auth": access})

    def _owns(self, token: str, namespace: str) -> bool:
        return bool(token) and namespace in (self.user, *self.organizations)

    def _repo(self, request: Request, token: str, repo_id: str, rest: list[str]) -> Reply:
        """A request about one repository, when the token may do that."""
        repo = self.repos.get(repo_id)
        if repo is None or (repo.private and not self._owns(token, repo.namespace)):
            if token:
                return refusal(404, "Repository not found", "RepoNotFound")
            # The real one sends no code here; but then the client takes only an https address for a missing repository.
            return refusal(401, "Invalid username or password.", "RepoNotFound")
        writes = rest[:1] in (["preupload"], ["commit"], ["lfs"], ["xet-write-token"], ["settings"])
        writes = writes or rest == ["auth-check", "write"]
        if writes and not token:
            return refusal(401, "Invalid username or password.")
        if writes and not (token in self.tokens and self._owns(token, repo.namespace)):
            return refusal(403, "Authorization error.")
        return self._about(request, repo, rest)

    def _about(self, request: Request, repo: Repo, rest: list[str]) -> Reply:
        match request.method, rest:
            case "GET", ["auth-check", *_]:
                return said({})
            case "PUT", ["settings"]:
                repo.private = request.json().get("visibility") == "private"
                return said({"private": repo.private})
            case "POST", ["lfs", "batch"]:
                return self._batch(request, repo)
            case "POST", ["lfs", "verify"]:
                known = request.json()["oid"] in repo.uploaded
                return said({}) if known else refusal(404, "Object not found")
            case "GET", ["xet-write-token", *_]:
                return self._xet(repo)
        verb, revision, path = (rest or ["revision"])[0], (rest[1:2] or ["main"])[0], "/".join(rest[2:])
        commit = repo.at(revision)
        if commit is None:
            return refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        answers: dict[tuple[str, str], Callable[[], Reply]] = {
            ("GET", "revision"): lambda: self._info(request, repo, commit),
            ("GET", "tree"): lambda: self._tree(request, repo, commit, path),
            ("POST", "paths-info"): lambda: _paths(request, commit),
            ("POST", "preupload"): lambda: _preupload(request, repo, commit),
            ("POST", "commit"): lambda: self._commit(request, repo, commit),
            ("HEAD", "resolve"): lambda: self._resolve(request, repo, commit, path),
            ("GET", "resolve"): lambda: self._resolve(request, repo, commit, path),
        }
        answer = answers.get((request.method, verb))
        return answer() if answer else self._unknown(request)

    # reading

    def _info(self, request: Request, repo: Repo, commit: Commit) -> Reply:
        siblings: list[Row] = []
        for path, file in sorted(commit.files.items()):
            row: Row = {"rfilename": path}
            if query(request).get("blobs") == "true":
                row |= {"size": len(file.content), "blobId": file.blob_id}
                if file.lfs:
                    row["lfs"] = {"sha256": file.sha256, "size": row["size"], "pointerSize": len(file.pointer)}
            siblings.append(row)
        card = commit.files.get("README.md")
        told: Row = {
            "_id": "0" * 24,
            "id": repo.repo_id,
            "author": repo.namespace,
            "sha": commit.oid,
            "lastModified": commit.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "private": repo.private,
            "gated": False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": siblings,
        }
        metadata = Card.of(card.content.decode()).metadata if card else None
        return said(told | ({"cardData": metadata} if isinstance(metadata, dict) else {}))

    def _tree(self, request: Request, repo: Repo, commit: Commit, folder: str) -> Reply:
        asked = query(request)
        rows = repo.tree(commit, folder, asked.get("recursive") == "true")
        if rows is None:
            return refusal(404, f'{folder} does not exist on "{commit.oid}"', "EntryNotFound")
        start = int(asked.get("cursor", 0))
        end = start + self.page
        more = f"{self.url}{place(request)}?recursive={asked.get('recursive', 'false')}&cursor={end}"
        return said(rows[start:end], 200, **({"Link": f'<{more}>; rel="next"'} if end < len(rows) else {}))

    def _resolve(self, request: Request, repo: Repo, commit: Commit, path: str) -> Reply:
        headers = {"X-Repo-Commit": commit.oid}
        file = commit.files.get(path)
        if file is None:
            return refusal(404, "Entry not found", "EntryNotFound", **headers)
        headers["ETag"] = f'"{file.etag}"'
        if not file.lfs:
            return ranged(file.content, request.headers.get("range"), headers, "text/plain; charset=utf-8")
        there = self.storage.object_url(repo.repo_id, file.sha256, path.rpartition("/")[2])
        linked = {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content)), "Location": there}
        return Reply(b"Found. Redirecting", 302, "text/plain", headers | linked | {"Accept-Ranges": "bytes"})

    # writing

    def _create(self, request: Request, token: str) -> Reply:
        asked = request.json()
        namespace, kind = asked.get("organization") or self.user, asked.get("type", "model")
        if not token:
            return refusal(401, "Invalid username or password.")
        if token not in self.tokens or not self._owns(token, namespace):
            return refusal(403, f'You don\'t have the rights to create a {kind} under the namespace "{namespace}"')
        self.expect(kind == "dataset", f"a {kind} is created")
        repo_id = f"{namespace}/{asked['name']}"
        told = {"url": f"{self.url}/datasets/{repo_id}", "name": repo_id, "id": repo_id}
        if repo_id in self.repos:
            message = "You already created this dataset repo"
            return said({"error": message} | told, 409, **{"X-Error-Message": message})
        self.repos[repo_id] = Repo(repo_id, asked.get("visibility") == "private")
        return said(told)

    def _batch(self, request: Request, repo: Repo) -> Reply:
        asked = request.json()
        self.expect(asked["operation"] == "upload", f"LFS: {asked['operation']}")
        objects: list[Row] = []
        for wanted in asked["objects"]:
            oid, size = wanted["oid"], wanted["size"]
            row: Row = {"oid": oid, "size": size, "authenticated": True}
            if oid not in repo.uploaded:
                verify = {"href": f"{self.url}/datasets/{repo.repo_id}.git/info/lfs/objects/verify"}
                row["actions"] = {"upload": self._upload(asked["transfers"], repo, oid, size), "verify": verify}
            objects.append(row)
        return said({"transfer": "basic", "objects": objects}, 200, **{"Content-Type": "application/vnd.git-lfs+json"})

    def _upload(self, transfers: list[str], repo: Repo, oid: str, size: int) -> Row:
        if size <= self.storage.part_bytes or "multipart" not in transfers:
            return {"href": self.storage.object_url(repo.repo_id, oid)}
        urls = self.storage.part_urls(repo.repo_id, oid, size)
        header = {str(number): url for number, url in enumerate(urls, 1)}
        chunks = {"chunk_size": str(self.storage.part_bytes)}
        return {"href": f"{self.url}/api/lfs/complete?{SIGNED}&repo={repo.repo_id}", "header": header | chunks}

    def _xet(self, repo: Repo) -> Reply:
        url, token, until = self.storage.xet_url, self.storage.xet_token(repo), int(time.time()) + 3600
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(until)}
        return said({"casUrl": url, "accessToken": token, "exp": until}, 200, **headers)

    def _complete(self, request: Request) -> Reply:
        asked = request.json()
        repo = self.repos[query(request)["repo"]]
        etags = [part["etag"] for part in asked["parts"]]
        whole = self.storage.complete(repo, asked["oid"], etags)
        return said({}) if whole else refusal(400, "InvalidPart")

    def _commit(self, request: Request, repo: Repo, head: Commit) -> Reply:
        lines = [json.loads(line) for line in request.body.splitlines()]
        header = lines[0]["value"]
        parent = header.get("parentCommit")
        if parent and not repo.head.oid.startswith(parent):
            return refusal(412, MOVED)
        operations: list[tuple[Operation, File | None]] = []
        for line in lines[1:]:
            value = line["value"]
            operation = Operation(line["key"], value["path"])
            if operation.kind == "lfsFile" and value["oid"] not in repo.uploaded:
                return refusal(400, "LFS pointer pointed to a file that does not exist")
            operations.append((operation, _file(operation.kind, value, repo)))
        after = changed(head.files, operations)
        if isinstance(after, str):
            return refusal(404, f"A file with this name doesn't exist: {after}", "EntryNotFound")
        self.expect(operations, "an empty commit")
        made = repo.commit(header["summary"], header["description"], after, [operation for operation, _ in operations])
        url = f"{self.url}/datasets/{repo.repo_id}/commit/{made.oid}"
        return said({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def _validated(request: Request) -> Reply:
    asked = request.json()
    errors, warnings = checked(asked["content"])
    told = {name: [{"message": text} for text in texts] for name, texts in (("errors", errors), ("warnings", warnings))}
    return said(told, 400 if errors else 200)


def _paths(request: Request, commit: Commit) -> Reply:
    form = parse_qs(request.body.decode())
    wanted = form.get("paths", [])
    return said([commit.files[path].listed(path) for path in wanted if path in commit.files])


def _preupload(request: Request, repo: Repo, commit: Commit) -> Reply:
    rows: list[Row] = []
    for asked in request.json()["files"]:
        lfs = repo.goes_to_lfs(asked["path"], asked["size"], base64.b64decode(asked["sample"]))
        row: Row = {"path": asked["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        there = commit.files.get(asked["path"])
        rows.append(row | ({"oid": there.etag} if there else {}))
    return said({"files": rows})


def _file(kind: str, value: Row, repo: Repo) -> File | None:
    """The file that a line of a commit adds."""
    if kind == "file":
        return File(base64.b64decode(value["content"]))
    return File(repo.uploaded[value["oid"]], lfs=True) if kind == "lfsFile" else None
