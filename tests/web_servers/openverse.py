"""api.openverse.org on loopback: the image search and the tokens that raise its limits.

As the real one refused in 2026: pages above 20 images (50 with a token) and anything behind the 240th image of a query
with 401, too many requests with 429. `license` and the other filters are not obeyed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from urllib.parse import parse_qsl

from model_servers.loopback import Fault, Reply, Request, answers, said

from web_servers.loopback import Row, Web, place, query

IMAGES, TOKEN = "/v1/images/", "/v1/auth_tokens/token/"
CLIENT_ID, CLIENT_SECRET = "a-client", "a-secret"
PAGE, PAGE_WITH_TOKEN, DEPTH = 20, 50, 240
DEEDS = "https://creativecommons.org"


def image(number: int, **more: object) -> Row:
    """A picture as the search lists it; the n-th is always the same. `license` is `by`, `by-sa`, `cc0`, `pdm` …"""
    title, creator = more.get("title", f"Picture {number}"), more.get("creator", f"Photographer {number}")
    code, version = more.get("license", "by"), more.get("license_version", "2.0")
    public = {"cc0": "publicdomain/zero", "pdm": "publicdomain/mark"}.get(str(code))
    deed = f"{DEEDS}/{public or f'licenses/{code}'}/{version}/"
    by = f'"{title}" by {creator}' if creator else f'"{title}"'
    name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(str(code), f"CC {str(code).upper()}")
    marked = f"is marked with {name} {version}. To view the terms"
    licensed = f"is licensed under {name} {version}. To view a copy of this license"
    return {
        "id": str(uuid.UUID(int=number, version=4)),
        "title": title,
        "indexed_on": "2022-08-27T17:39:48Z",
        "foreign_landing_url": f"https://www.flickr.com/photos/1@N00/{number}",
        "url": f"https://live.staticflickr.com/1/{number}_b.jpg",
        "creator": creator,
        "creator_url": "https://www.flickr.com/photos/1@N00" if creator else None,
        "license": code,
        "license_version": version,
        "license_url": deed,
        "provider": "flickr",
        "source": "flickr",
        "category": "photograph",
        "filesize": None,
        "filetype": None,
        "tags": [{"name": "fruit", "accuracy": None, "unstable__provider": "flickr"}],
        "attribution": f"{by} {marked if public else licensed}, visit {deed}.",
        "fields_matched": ["title"],
        "mature": False,
        "height": 768,
        "width": 1024,
        "unstable__sensitivity": [],
    } | more


class Openverse(Web):
    """See the module's text.

    Attributes:
        clients: client id → secret.
        tokens: that hold, each with the requests it may still make; None: any number.
        anonymous_left: requests without a token until they are throttled; None: any number.
        retry_after: what a throttled client is told.
        expires_in: what is told with a token. It holds until `expire`, or for `uses` requests.
    """

    def __init__(
        self,
        rows: Sequence[Row] = (),
        *,
        anonymous_left: int | None = None,
        retry_after: int = 1,
        expires_in: int = 43200,
        uses: int | None = None,
    ) -> None:
        super().__init__(rows)
        self.clients = {CLIENT_ID: CLIENT_SECRET}
        self.tokens: dict[str, int | None] = {}
        self.anonymous_left = anonymous_left
        self.retry_after = retry_after
        self.expires_in = expires_in
        self.uses = uses

    def expire(self) -> None:
        """No token that was given holds any longer."""
        self.tokens.clear()

    def knows(self, path: str) -> bool:
        return path in (IMAGES, TOKEN)

    def search(self, request: Request) -> Reply:
        wanted = "POST" if place(request) == TOKEN else "GET"
        if request.method != wanted:
            return said({"detail": f'Method "{request.method}" not allowed.'}, 405)
        return self._token(request) if wanted == "POST" else self._images(request)

    def _token(self, request: Request) -> Reply:
        # The real one takes the id and secret as HTTP Basic, too.
        form = dict(parse_qsl(request.body.decode()))
        kind = request.headers.get("content-type", "")
        self.expect(kind.startswith("application/x-www-form-urlencoded"), f"a token asked for with {kind}")
        if form.get("grant_type") != "client_credentials":
            return said({"error": "unsupported_grant_type"}, 400)
        if self.clients.get(form.get("client_id", "")) != form.get("client_secret"):
            return said({"error": "invalid_client"}, 401)
        token = f"token-{len(self.asked(TOKEN))}"
        self.tokens[token] = self.uses
        return said(
            {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer", "scope": "read write"}
        )

    def _images(self, request: Request) -> Reply:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        known = kind == "Bearer" and token in self.tokens
        left = self.tokens.get(token)
        if kind and (not known or left == 0):
            told = 'Bearer realm="api",error="invalid_token",error_description="The access token has expired."'
            return said({"detail": "Incorrect authentication credentials."}, 401, **{"WWW-Authenticate": told})
        if left is not None:
            self.tokens[token] = left - 1
        if not known and self.anonymous_left is not None:
            if self.anonymous_left == 0:
                return throttle(self.retry_after)
            self.anonymous_left -= 1
        return self._page(query(request), "authenticated" if known else "anonymous")

    def _page(self, asked: dict[str, str], who: str) -> Reply:
        size, page = int(asked.get("page_size", PAGE)), int(asked.get("page", 1))
        most = PAGE_WITH_TOKEN if who == "authenticated" else PAGE
        if size < 1 or page < 1:
            wrong = "page" if page < 1 else "page_size"
            return said({"detail": {wrong: ["Ensure this value is greater than or equal to 1."]}}, 400)
        if size > most:
            return said({"detail": f"page_size may not exceed {most} for {who} requests"}, 401)
        if page * size > DEPTH:
            return said({"detail": f"pagination depth may not exceed {DEPTH} for {who} requests"}, 401)
        found = self.found(asked.get("q", ""))[:DEPTH]
        listed = {
            "result_count": len(found),
            "page_count": -(-len(found) // size),
            "page_size": size,
            "page": page,
            "results": [self._linked(row) for row in found[(page - 1) * size : page * size]],
        }
        scope = "oauth2_client_credentials" if who == "authenticated" else "anon"
        limits = ("100/min", "10000/day") if who == "authenticated" else ("20/min", "200/day")
        named = dict(zip((f"X-RateLimit-Limit-{scope}_{span}" for span in ("burst", "sustained")), limits, strict=True))
        return said(listed, 200, **named)

    def _linked(self, row: Row) -> Row:
        here = f"{self.url}{IMAGES}{row['id']}/"
        return {"thumbnail": f"{here}thumb/", "detail_url": here, "related_url": f"{here}related/"} | row


def throttle(seconds: int) -> Reply:
    unit = "second" if seconds == 1 else "seconds"
    text = f"Request was throttled. Expected available in {seconds} {unit}."
    return said({"detail": text}, 429, **{"Retry-After": str(seconds)})


def throttled(seconds: int = 1) -> Fault:
    """Too many requests."""
    return answers(throttle(seconds))
