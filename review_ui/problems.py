"""What a request may be refused for, and how that is told: `{"error": {"code": …, "message": …}}`."""

from __future__ import annotations

import html
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dlf_core.errors import BackendError, FactoryError, StoreError


class Problem(FactoryError):
    """A request that is refused.

    Args:
        code: a word for programs.
        message: a sentence for people.
    """

    status = 400

    def __init__(self, code: str, message: str):
        self.code = code
        self.message = message
        super().__init__(message)


class Missing(Problem):
    """What was asked for is not there."""

    status = 404


class Unfit(Problem):
    """What was sent does not fit."""

    status = 422


class Forbidden(Problem):
    """Who asks may not."""

    status = 403


class ProblemTold(BaseModel):
    """What is wrong."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    """The answer to a request that is refused."""

    error: ProblemTold


ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer} for status in (400, 401, 403, 404, 413, 422, 503)
}
"""For the OpenAPI."""


def told(status: int, code: str, message: str) -> JSONResponse:
    """An error as an answer."""
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers={"Cache-Control": "no-store"})


def shown(status: int, message: str) -> HTMLResponse:
    """An error for a person who has opened an address: the page itself is not there to show it."""
    title = "The review page cannot be opened"
    head = f'<meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{title}</title>'
    body = f"<main><h1>{title}</h1><p>{html.escape(message[:1].upper() + message[1:])}</p></main>"
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


def refused(request: Request, status: int, code: str, message: str) -> Response:
    """An error as the one who asks reads it: a browser that opens an address, or a program."""
    opens = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    return shown(status, message) if opens else told(status, code, message)


def tell_problems(app: FastAPI) -> None:
    """Let every error of an app be told in the one form."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return told(error.status, error.code, error.message)

    @app.exception_handler(StoreError)
    async def _store(_: Request, error: StoreError) -> JSONResponse:
        return told(503, "store", str(error))

    @app.exception_handler(BackendError)
    async def _backend(_: Request, error: BackendError) -> JSONResponse:
        return told(503, "backend", str(error))

    @app.exception_handler(FactoryError)
    async def _factory(_: Request, error: FactoryError) -> JSONResponse:
        return told(400, "project", str(error))

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return told(422, "unfit", f"{where}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return told(error.status_code, "http", str(error.detail))
