"""The service as an ASGI application: every answer to a clinic's program is HTTP 200 with a ``statusCode``."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices import Devices
from nhicard.reader.home import LOCAL_HOSTS, Settings
from nhicard.reader.service import messages as m
from nhicard.reader.service.paths import PATHS, Path
from nhicard.reader.service.session import Session

LARGEST_BODY: Final = 1 << 16  # bytes
_BAD_ARGUMENT, _NO_SUCH_FUNCTION, _UNKNOWN, _FORBIDDEN = 6018, 9005, -1, 6017
_REPLIES: Final = {(each.method, each.path): each.reply for each in PATHS}
_log = logging.getLogger("nhicard.reader")


def create_app(
    settings: Settings,
    devices: Devices | None = None,
    datacentre: DataCentre | None = None,
    now: Callable[[], datetime] = rocdate.now,
) -> FastAPI:
    """The service with one session. Devices and data centre are those of the settings unless given."""
    session = Session(
        settings,
        devices or Devices(settings.home.slots, settings.pcsc),
        datacentre or DataCentre(settings.datacentre, settings.datacentre_ca),
        now,
    )
    app = _Service(
        title="nhicard control software",
        version="6.0",
        description="讀卡機控制軟體。Every reply is HTTP 200 with an integer statusCode; docs/reader.md tells more.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # clients take any HTTP status but 200 as no answer
    )
    for path in PATHS:
        app.add_api_route(
            path.path,
            _operation(path, session),
            methods=[path.method],
            response_model=path.reply,
            summary=path.summary,
            operation_id=f"{path.method}_{path.path.strip('/').replace('/', '_')}",
        )
    app.add_exception_handler(RequestValidationError, _bad_argument)
    app.add_exception_handler(HTTPException, _no_such_function)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["content-type"],
    )
    app.add_middleware(_Guard, settings=settings)
    return app


class _Service(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document without FastAPI's own 422, which no request meets here."""
        document = super().openapi()
        for methods in document["paths"].values():
            for operation in methods.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        return document


def _operation(path: Path, session: Session) -> Callable[..., Any]:
    def operation(request: Request, body: Any = None) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            reply = path.reply(**path.answer(session, body or path.body()))
        except Refused as refusal:
            reply = path.reply(**_refused(refusal))
        except Exception as error:  # a clinic's program must get an answer whatever happened
            places = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s %s failed with %s\n%s", path.method, path.path, type(error).__name__, places)
            reply = path.reply(**_refused(Refused(_UNKNOWN)))
        milliseconds = (time.perf_counter() - began) * 1000
        _log.info("%s %s %d %.1f ms", path.method, path.path, reply.statusCode, milliseconds)
        return reply.model_dump()

    operation.__annotations__ = {"request": Request, "body": path.body | None, "return": path.reply}
    return operation


def _refused(refusal: Refused) -> dict[str, Any]:
    status = refusal.status
    texts = (status.meaning_zh, status.remedy_zh, status.meaning_en + ".", status.remedy_en)
    return {"statusCode": refusal.code, "message": " ".join(filter(None, texts))}


def _answer(request: Request, code: int, detail: str = "") -> Response:
    reply = _REPLIES.get((request.method, request.url.path), m.Reply)
    facts = _refused(Refused(code))
    facts["message"] += f" [{detail}]" if detail else ""
    return JSONResponse(reply(**facts).model_dump())


async def _bad_argument(request: Request, error: Exception) -> Response:
    """Names the keys at fault, never their values."""
    assert isinstance(error, RequestValidationError)
    keys = [".".join(str(part) for part in fault["loc"][1:]) for fault in error.errors()]
    return _answer(request, _BAD_ARGUMENT, ", ".join(key for key in keys[:5] if key) or "body")


async def _no_such_function(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # a body that is no JSON
        return _answer(request, _BAD_ARGUMENT, "body")
    return _answer(request, _NO_SUCH_FUNCTION)


class _Guard:
    """Keeps out what is no clinic's program: other web pages, other host names, oversized bodies.

    A page in a browser can reach 127.0.0.1 without the user's knowledge, directly or by making its own name point
    there; a request with a foreign ``Origin`` or ``Host`` is therefore refused with HTTP 403. What remains is JSON,
    whatever the program calls it: many leave the content type to their library, which says text or form.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._origins = frozenset(settings.origins)
        self._hosts = frozenset({*LOCAL_HOSTS, settings.host.lower()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        if (origin and origin not in self._origins) or _host_of(request) not in self._hosts:
            reply = JSONResponse({"statusCode": _FORBIDDEN, "message": "此網頁不得呼叫。This page may not call."}, 403)
            await reply(scope, receive, send)
            return
        try:
            body = await _whole_body(receive)
        except ClientDisconnect:
            return  # half a request is none: nothing is done, and nobody waits for an answer
        if body is None:
            await _answer(request, _BAD_ARGUMENT, f"larger than {LARGEST_BODY} bytes")(scope, receive, send)
            return
        headers = [header for header in scope["headers"] if header[0] != b"content-type"]
        scope = dict(scope, headers=[*headers, (b"content-type", b"application/json")])
        await self._app(scope, _replay(body, receive), send)


def _host_of(request: Request) -> str:
    host = request.headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
    return name.strip("[]").lower()


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, None where it is too large. Raises ClientDisconnect."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
