"""commons.wikimedia.org/w/api.php on loopback: a search for files with their size, address and licence.

As the real one: pages in no order (`index` says it), only what `iiprop` asks for, widths of thumbnails rounded up to
the standard ones, tracking parameters behind every address, and 403 for a User-Agent that names no contact.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from model_servers.loopback import Fault, Reply, Request, answers, said

from web_servers.loopback import Row, Web, query

API = "/w/api.php"
WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
THUMBNAILS = 50  # in one reply
TRACKING = "utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content="
NO_CONTACT = (
    "Please set a user-agent and respect our robot policy https://w.wiki/4wJS."
    " See also https://phabricator.wikimedia.org/T400119.\n"
)
TOO_MANY = (
    "You are making too many requests to the API.\n"
    "Please follow the best practices at <https://www.mediawiki.org/wiki/Wikimedia_APIs/Rate_limits>.\n"
    "If you are unsure how to get the access you need, contact <bot-traffic@wikimedia.org>.\n"
)


def file(number: int, info: Mapping[str, object] | None = None, **metadata: str | None) -> Row:
    """A file page; the n-th is always the same.

    Args:
        info: parts of `imageinfo` that differ; None as a value: the part is missing, like `extmetadata`.
        metadata: fields of `extmetadata` that differ, None: missing. A file in the public domain has no LicenseUrl:
            `file(3, LicenseShortName="Public domain", LicenseUrl=None, AttributionRequired="false")`.
    """
    name = f"Fruit {number}.jpg"
    path = quote(name.replace(" ", "_"))
    user = f"//commons.wikimedia.org/wiki/User:Painter_{number}"
    fields = {
        "ObjectName": f"Fruit {number}",
        "ImageDescription": f"A <b>fruit</b> &amp; its number {number}",
        "Credit": '<span class="int-own-work" lang="en">Own work</span>',
        "Artist": f'<a href="{user}" title="User:Painter {number}">Painter {number}</a>',
        "LicenseShortName": "CC BY-SA 4.0",
        "UsageTerms": "Creative Commons Attribution-Share Alike 4.0",
        "AttributionRequired": "true",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
        "Copyrighted": "True",
        "Restrictions": "",
        "License": "cc-by-sa-4.0",
    } | metadata
    told = {
        key: {"value": value, "source": "commons-desc-page"} | ({} if key in ("Artist", "Credit") else {"hidden": ""})
        for key, value in fields.items()
        if value is not None
    }
    parts = {
        "size": 372133,
        "width": 1600,
        "height": 1200,
        "url": f"https://upload.wikimedia.org/wikipedia/commons/5/57/{path}?{TRACKING}original",
        "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{path}",
        "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={1000 + number}",
        "sha1": hashlib.sha1(path.encode()).hexdigest(),
        "mime": "image/jpeg",
        "extmetadata": told,
    } | dict(info or {})
    kept = {key: value for key, value in parts.items() if value is not None}
    return {"pageid": 1000 + number, "ns": 6, "title": f"File:{name}", "imageinfo": [kept]}


class Commons(Web):
    """See the module's text. It complains about more than one request at once, and about one without maxlag.

    Attributes:
        strict: whether a User-Agent without contact is refused.
    """

    def __init__(self, rows: Sequence[Row] = (), *, strict: bool = True) -> None:
        super().__init__(rows)
        self.strict = strict

    def knows(self, path: str) -> bool:
        return path == API

    def search(self, request: Request) -> Reply:
        if self.strict and not re.search(r"https?://|\S@\S", request.headers.get("user-agent", "")):
            return Reply(NO_CONTACT.encode(), 403, "text/plain; charset=utf-8")
        asked = query(request)
        self.expect(self._answering == 0, "two requests at once")
        self.expect(asked.get("maxlag") == "5", f"maxlag={asked.get('maxlag')}")
        fixed = {"action": "query", "format": "json", "formatversion": "2", "generator": "search", "gsrnamespace": "6"}
        for key, value in fixed.items():
            self.expect(asked.get(key) == value, f"{key}={asked.get(key)}")
        if not asked.get("gsrsearch"):
            return error("missingparam", 'The "gsrsearch" parameter must be set.')
        return self._query(asked)

    def _query(self, asked: dict[str, str]) -> Reply:
        limit, offset = int(asked.get("gsrlimit", 10)), int(asked.get("gsroffset", 0))
        self.expect(limit <= THUMBNAILS or "iiurlwidth" not in asked, f"{limit} thumbnails in one reply")
        found = self.found(asked["gsrsearch"])
        listed = [
            row | {"index": offset + at, "imageinfo": [self._info(part, asked) for part in row["imageinfo"]]}
            if "imageinfo" in row
            else row | {"index": offset + at}
            for at, row in enumerate(found[offset : offset + limit], 1)
        ]
        said_on = {"continue": {"gsroffset": offset + limit, "continue": "gsroffset||"}}
        more = said_on if offset + limit < len(found) else {}
        shuffled = sorted(listed, key=lambda page: hashlib.sha1(page["title"].encode()).digest())
        return said({"batchcomplete": True} | more | ({"query": {"pages": shuffled}} if listed else {}))

    def _info(self, parts: Row, asked: dict[str, str]) -> Row:
        wanted = asked.get("iiprop", "timestamp|user").split("|")
        names = {
            "url": ("thumburl", "thumbwidth", "thumbheight", "url", "descriptionurl", "descriptionshorturl"),
            "size": ("size", "width", "height"),
        }
        shown = {name for key in wanted for name in names.get(key, (key,))}
        if "iiurlwidth" in asked and "url" in parts:
            parts = thumbnail(parts, int(asked["iiurlwidth"])) | parts
        if "extmetadata" in parts and (only := asked.get("iiextmetadatafilter")):
            told = {key: value for key, value in parts["extmetadata"].items() if key in only.split("|")}
            parts = parts | {"extmetadata": told}
        return {key: value for key, value in parts.items() if key in shown}


def thumbnail(parts: Row, wanted: int) -> Row:
    """Its address and size; that of the file itself when it is no wider than wanted."""
    step = next((width for width in WIDTHS if width >= wanted), WIDTHS[-1])
    if step >= parts["width"]:
        return {"thumburl": parts["url"], "thumbwidth": parts["width"], "thumbheight": parts["height"]}
    name = parts["url"].partition("?")[0].rpartition("/")[2]
    url = f"https://thumb.wikimedia.org/wikipedia/commons/thumb/5/57/{name}/{step}px-{name}?{TRACKING}thumbnail"
    return {"thumburl": url, "thumbwidth": step, "thumbheight": round(parts["height"] * step / parts["width"])}


def error(code: str, info: str, headers: Mapping[str, str] | None = None, **more: object) -> Reply:
    """An error as the API says it: with status 200."""
    docref = "See https://commons.wikimedia.org/w/api.php for API usage."
    told = {"error": {"code": code, "info": info} | more | {"docref": docref}, "servedby": "mw-api-ext.eqiad.main-1"}
    return said(told, 200, **{"MediaWiki-API-Error": code}, **(headers or {}))


def lagged(lag: float = 7.5, retry_after: int = 5) -> Fault:
    """The databases are behind by more than `maxlag`."""
    headers = {"Retry-After": str(retry_after), "X-Database-Lag": str(int(lag))}
    info = f"Waiting for 10.64.16.7: {lag} seconds lagged."
    return answers(error("maxlag", info, headers, host="10.64.16.7", lag=lag, type="db"))


def throttled(seconds: int | None = 1, number: int = 429) -> Fault:
    """Too many requests; seconds: None without Retry-After; it was seen with status 200, too."""
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return answers(Reply(TOO_MANY.encode(), number, "text/plain; charset=utf-8", headers))
