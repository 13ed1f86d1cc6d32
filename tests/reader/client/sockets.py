"""The services on real sockets: the control software over HTTPS, the data centre, and things that are neither."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn
from django.core.handlers.wsgi import WSGIHandler
from fastapi import FastAPI

from nhicard.identity.tls import Https


@contextmanager
def reader(app: FastAPI, https: Https) -> Iterator[str]:
    """The URL of the control software, served as ``nhicard reader serve`` does."""
    config = uvicorn.Config(
        app,
        port=0,
        ssl_certfile=str(https.certificate),
        ssl_keyfile=str(https.key),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class _Threads(ThreadingMixIn, WSGIServer):
    """A thread a request, whose connection to the database ends with it."""


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # its name there
        """Nothing."""


@contextmanager
def centre() -> Iterator[str]:
    """The URL of the data centre."""
    server = _Threads(("127.0.0.1", 0), _Silent)
    server.set_app(WSGIHandler())
    with _serving(server) as url:
        yield url


@contextmanager
def somebody(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """The URL of a server that answers each path with a status and a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, body = answer(self.path)
            self.send_response(status)
            if body.startswith(b"\x1f\x8b"):
                self.send_header("content-encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # its name there
            """Nothing."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextmanager
def _serving(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
