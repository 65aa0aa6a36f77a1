"""Where the Hub's large files lie: an origin of its own, which must never see the Hub's token.

Objects come and go at signed addresses: whoever knows them may use them. What comes by Xet comes with a token of its
own, which the Hub gives out for one repository.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from urllib.parse import quote

from model_servers.loopback import Reply, Request, said

from hub import xet
from hub.listener import Listener, parts, place, query, ranged, refusal
from hub.repos import Repo

SIGNED = "X-Amz-Signature=loopback"


class Storage(Listener):
    """See the module's text.

    Attributes:
        repos: name → repository; the Hub's own.
        part_bytes: what is larger is uploaded in parts of so many bytes.
    """

    def __init__(self, repos: dict[str, Repo], part_bytes: int) -> None:
        super().__init__()
        self.repos = repos
        self.part_bytes = part_bytes
        self._parts: defaultdict[tuple[str, str], dict[int, bytes]] = defaultdict(dict)
        self._xorbs: dict[str, list[bytes]] = {}

    # addresses

    def object_path(self, repo_id: str, oid: str) -> str:
        return f"/objects/{repo_id}/{oid}"

    def object_url(self, repo_id: str, oid: str, name: str = "") -> str:
        shown = "&response-content-disposition=" + quote(f'inline; filename="{name}";') if name else ""
        return f"{self.url}{self.object_path(repo_id, oid)}?{SIGNED}{shown}"

    def part_urls(self, repo_id: str, oid: str, size: int) -> list[str]:
        count = -(-size // self.part_bytes)
        path = self.url + self.object_path(repo_id, oid)
        return [f"{path}?{SIGNED}&partNumber={number}" for number in range(1, count + 1)]

    @property
    def xet_url(self) -> str:
        return f"{self.url}/xet"

    def xet_token(self, repo: Repo) -> str:
        return f"xet:{repo.repo_id}"

    # what a test asks

    def uploaded_since(self, came: int = 0) -> int:
        """How many bytes were uploaded after so many requests."""
        return sum(len(request.body) for request in self.requests[came:] if _uploads(request))

    # the server

    def good(self, request: Request) -> Reply:
        path = parts(request)
        token = request.headers.get("authorization", "")
        if path[0] == "xet":
            return self._xet(request, token, path[1:])
        self.expect(not token, f"a token came to the storage: {request.path}")
        _, namespace, name, oid = path
        repo = self.repos[f"{namespace}/{name}"]
        if query(request).get("X-Amz-Signature") != "loopback":
            return refusal(403, "SignatureDoesNotMatch")
        if request.method == "PUT":
            return self._put(request, repo, oid)
        if oid not in repo.uploaded:
            return refusal(404, "NoSuchKey")
        headers = {"ETag": f'"{oid}"', "Content-Disposition": f'inline; filename="{oid}";'}
        return ranged(repo.uploaded[oid], request.headers.get("range"), headers, "application/octet-stream")

    def _put(self, request: Request, repo: Repo, oid: str) -> Reply:
        etag = {"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'}
        number = query(request).get("partNumber")
        if number is not None:
            self._parts[repo.repo_id, oid][int(number)] = request.body
            return Reply(headers=etag)
        if hashlib.sha256(request.body).hexdigest() != oid:
            return refusal(400, "XAmzContentSHA256Mismatch")
        repo.uploaded[oid] = request.body
        return Reply(headers=etag)

    def complete(self, repo: Repo, oid: str, etags: list[str]) -> bool:
        """Put the parts of an upload together; whether they are the object, and the ones that the client means."""
        came = self._parts.pop((repo.repo_id, oid), {})
        content = b"".join(came[number] for number in sorted(came))
        known = [f'"{hashlib.md5(came[number]).hexdigest()}"' for number in sorted(came)]
        if known != etags or hashlib.sha256(content).hexdigest() != oid:
            return False
        repo.uploaded[oid] = content
        return True

    def _xet(self, request: Request, token: str, path: list[str]) -> Reply:
        repo = self.repos.get(token.removeprefix("Bearer xet:"))
        self.expect(repo, f"a wrong token came to Xet: {request.path}")
        match request.method, path:
            case "POST", ["v1", "xorbs", _, name] if repo:
                self._xorbs[name] = xet.chunks_in(request.body)
                return said({"was_inserted": True})
            case "POST", ["v1", "shards"] if repo:
                made = {file.sha256: xet.content_of(file, self._xorbs) for file in xet.files_in(request.body)}
                repo.uploaded |= made
                return said({"result": 1})
        # Chunks that lie here already are not told, and the newer ways of uploading are not known: the client goes on.
        return refusal(404, "Not found")


def _uploads(request: Request) -> bool:
    return request.method == "PUT" or place(request).startswith("/xet/v1/xorbs/")
