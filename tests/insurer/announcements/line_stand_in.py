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
    """``answers``: HTTP statuses of the next requests, 202 or 200 once they are used up.

    ``groups``: audience groups by number, name and members; new ones are numbered on from 9000.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    groups: dict[int, tuple[str, int]] = field(default_factory=dict)

    def group(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The part about audience groups."""
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "no"}
        if self.answers:
            return self.answers.pop(0), {"message": "no"}
        if method == "POST":
            number = max([8999, *self.groups]) + 1
            self.groups[number] = (body["description"], 0)
            return 202, {"audienceGroupId": number, "type": "UPLOAD", "description": body["description"]}
        number = int(path.rpartition("/")[2])
        if number not in self.groups:
            return 404, {"message": "no such group"}
        if method == "DELETE":
            del self.groups[number]
            return 202, {}
        name, members = self.groups[number]
        facts = {"audienceGroupId": number, "description": name, "status": "READY", "audienceCount": members}
        return 200, {"audienceGroup": facts, "jobs": []}

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
            if "audienceGroup" in self.path:
                self.reply(*line.group("POST", self.path, self.headers, body))
                return
            status = line.answer(self.path, self.headers, body)
            self.reply(status, {} if status < 400 else {"message": "no"})

        def do_GET(self) -> None:
            self.reply(*line.group("GET", self.path, self.headers, {}))

        def do_DELETE(self) -> None:
            self.reply(*line.group("DELETE", self.path, self.headers, {}))

        def reply(self, status: int, facts: dict[str, Any]) -> None:
            content = json.dumps(facts).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    line.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield line
    finally:
        server.shutdown()
        server.server_close()
