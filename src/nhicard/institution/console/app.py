"""The console as an ASGI application, for a browser and programs on the same machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from nhicard import web
from nhicard.formats import rocdate
from nhicard.institution.console import api, progress, ranking, signing_in, visits
from nhicard.institution.console.guard import Guard
from nhicard.institution.console.secrets import Secrets
from nhicard.institution.console.sessions import Sessions
from nhicard.institution.console.site import SignInFirst, Site, visitor
from nhicard.institution.console.texts import text

#: What the pages of refusals say, by status; others count as 400.
_TOLD: Final = frozenset({400, 403, 404, 405})
_API: Final = "/api/"


def create_app(outbox: Path, secret: Secrets, now: Callable[[], datetime] = rocdate.now) -> FastAPI:
    """The console of one outbox. To be served on 127.0.0.1 only; other hosts' names are refused anyway."""
    app = FastAPI(
        title="nhicard agent",
        version="1",
        description="院所端代理程式的本機介面。The agent's local API: visits in, what became of them out.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.site = Site(outbox, secret, now, Sessions(secret))
    for pages in (signing_in, visits, ranking, progress):
        app.include_router(pages.router, include_in_schema=False)
    app.include_router(api.router)
    app.mount("/static", StaticFiles(directory=str(web.STATIC)), "static")
    app.add_exception_handler(SignInFirst, _to_login)
    app.add_exception_handler(RequestValidationError, _bad_argument)
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(Guard, secret=secret)
    return app


def _to_login(request: Request, error: Exception) -> Response:
    """To the login, and afterwards back; a part of a page that refreshes itself takes the whole page there."""
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    login = "/login?" + urlencode({"next": address if request.method == "GET" else "/"})
    if request.headers.get("hx-request"):
        return Response(headers={"hx-redirect": login})
    return RedirectResponse(login, 303)


def _bad_argument(request: Request, error: Exception) -> Response:
    """Names the places at fault, never their values."""
    assert isinstance(error, RequestValidationError)
    if not request.url.path.startswith(_API):
        return _page(request, 400)
    found = error.errors()
    places = dict.fromkeys(".".join(str(part) for part in fault["loc"][1:4]) for fault in found)
    is_json = not any(fault["type"] == "json_invalid" for fault in found)
    where = ", ".join(place for place in list(places)[:5] if place and is_json) or "body"
    return _problem(422, f"內容的形式不符：{where}。The form does not fit: {where}.")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not request.url.path.startswith(_API):
        return _page(request, error.status_code)
    told = {
        404: "沒有這個功能。There is no such function.",
        405: "這個功能不接受此方法。This function does not take that method.",
    }
    return _problem(error.status_code, told.get(error.status_code, error.detail), dict(error.headers or {}))


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail.encode("utf-8", "replace").decode()}, status, headers)


def _page(request: Request, status: int) -> Response:
    whoever = visitor(request)
    shown = status if status in _TOLD else 400
    return whoever.page(
        "message.html",
        status,
        title=text(f"error.{shown}", whoever.language),
        told=text(f"error.{shown}.more", whoever.language),
    )
