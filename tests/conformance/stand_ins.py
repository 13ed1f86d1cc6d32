"""Stand-ins for services: answers of one kind to everything, and a right service behind a transport with a fault."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from nhicard.conformance.signing import UPLOAD

Reply = dict[str, Any]
#: A result text that praises whatever was sent.
PRAISE = "檢核結果 " + " ".join(f"[{value}]" for value in ("a", "b", "c", "20260101000000", *"77777777"))


@dataclass
class AnySigner:
    """Signs nothing, differently each time."""

    number: str = "S00000000001"
    count: int = 0
    is_card: bool = True

    def sign(self, now: datetime, service: str = UPLOAD, age: timedelta = timedelta(0)) -> dict[str, str]:
        self.count += 1
        signature = base64.b64encode(f"signature number {self.count:08}".encode()).decode()
        return {
            "clientRandom": f"{self.count:032}",
            "hospitalId": "3501200000",
            "samId": self.number,
            "signature": signature,
        }


def always(reply: Reply | str, status: int = 200) -> httpx.Client:
    """A service that gives one answer to everything."""
    text = reply if isinstance(reply, str) else json.dumps(reply)
    headers = {"content-type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=text, headers=headers))
    return httpx.Client(base_url="https://stand-in", transport=transport)


class Faulty(httpx.BaseTransport):
    """A service with a fault: ``asked`` changes the body of requests (None answers 9999), ``answered`` replies."""

    def __init__(
        self,
        behind: httpx.BaseTransport,
        answered: Callable[[str, Reply], Reply | None] = lambda path, reply: reply,
        asked: Callable[[str, Reply], Reply] = lambda path, body: body,
    ) -> None:
        self._behind = behind
        self._answered, self._asked = answered, asked

    def close(self) -> None:
        self._behind.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        content = request.content
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if isinstance(body, dict):
            content = json.dumps(self._asked(request.url.path, body)).encode()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        sent = httpx.Request(request.method, request.url, headers=headers, content=content)
        response = self._behind.handle_request(sent)
        response.read()
        told = self._answered(request.url.path, json.loads(response.content))
        if told is None:
            return httpx.Response(500, text="Internal Server Error", request=request)
        return httpx.Response(200, json=told, request=request)
