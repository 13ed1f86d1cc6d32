"""A server that speaks the part of LINE's Messaging API that is used, and remembers what it was told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "channel-token"  # of the stand-in


@dataclass
class Line:
    """``answers``: HTTP statuses of the next requests, 202 or 200 once they are used up."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def answer(self, path: str, headers: Any, body: dict[str, Any]) -> int:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401
        if self.answers:
            return self.answers.pop(0)
        key = headers.get("X-Line-Retry-Key")
        if key in self.keys:
            return 409
        self.keys.add(key)
        self.told.append((path, body))
        return 202 if path.endswith("narrowcast") else 200


@contextmanager
def running() -> Iterator[Line]:
    """The server on a free port of this machine."""
    line = Line()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = line.answer(self.path, self.headers, body)
            content = json.dumps({} if status < 400 else {"message": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    line.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield line
    finally:
        server.shutdown()
        server.server_close()
