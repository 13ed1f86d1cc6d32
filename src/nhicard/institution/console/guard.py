"""What every request passes: only this machine's own pages and programs, bounded bodies, safe headers, quiet logs."""

from __future__ import annotations

import logging
import time
import traceback
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nhicard.institution.console.secrets import Secrets

HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_FORM: Final = 1 << 16  # bytes
LARGEST_VISITS: Final = 1 << 25  # bytes; some ten thousand visits
_API: Final = "/api/"
_LOCKED: Final = "/api/v1"
_UNPROVED: Final = (
    "請附上權杖（見 console/api.token）。Send the token (the file console/api.token in the agent's folder)."
)
_STATIC: Final = "/static/"
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_log = logging.getLogger("nhicard.console")


class Guard:
    """A page in a browser can reach 127.0.0.1 without the user's knowledge, directly or by making its own name point
    there: a request with a foreign ``Host`` or ``Origin`` is refused with 403, a body that is too large with 413.
    One to the API without its token is refused with 401 before anything of it is read.

    A log line has method, route, status and time; never an address as asked, a query or a message of an error.
    """

    def __init__(self, app: ASGIApp, secret: Secrets) -> None:
        self._app = app
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        if api := scope["path"].startswith(_API):
            scope = _as_json(scope)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                kept = scope["path"].startswith(_STATIC) and status == 200
                headers["cache-control"] = "max-age=31536000, immutable" if kept else "no-store"
            await send(message)

        if refusal := self._refusal(Request(scope)):
            await refusal(scope, receive, sending)
        else:
            try:
                body = await _whole_body(receive, LARGEST_VISITS if api else LARGEST_FORM)
                answer = PlainTextResponse("內容太大。The content is too large.\n", 413) if body is None else self._app
                await answer(scope, _replay(body or b"", receive), sending)
            except ClientDisconnect:
                pass  # half a request is none: nothing is done, and nobody waits for an answer
            except Exception as error:
                places = "".join(traceback.format_tb(error.__traceback__))
                _log.error("%s failed with %s\n%s", _route(scope), type(error).__name__, places)
                if not status:
                    trouble = PlainTextResponse("發生錯誤，請稍後再試。Something went wrong; try again.\n", 500)
                    await trouble(scope, receive, sending)
        milliseconds = (time.perf_counter() - began) * 1000
        _log.info("%s %s %d %.0f ms", scope["method"], _route(scope), status, milliseconds)

    def _refusal(self, request: Request) -> Response | None:
        if not _is_ours(request):
            return PlainTextResponse("不是本機的工作台網址。This is not the console's own address.\n", 403)
        if request.url.path.startswith(_LOCKED) and not self._secret.bears_token(
            request.headers.get("authorization", "")
        ):
            return JSONResponse({"detail": _UNPROVED}, 401, {"www-authenticate": "Bearer"})
        return None


async def _whole_body(receive: Receive, most: int) -> bytes | None:
    """The body, None where it is too large. Raises ClientDisconnect."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(bytes(message.get("body", b"")))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _as_json(scope: Scope) -> Scope:
    """What an HIS sends is JSON, whatever it calls it: many leave the content type to their library."""
    headers = [header for header in scope["headers"] if header[0] != b"content-type"]
    return dict(scope, headers=[*headers, (b"content-type", b"application/json")])


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _is_ours(request: Request) -> bool:
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    return _name(f"//{host}") in HOSTS and (origin is None or origin == f"http://{host}")


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "(no such page)"))
