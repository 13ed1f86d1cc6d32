"""A TCP proxy that can be told to cut, delay or swallow what goes through it. In a thread of its own (asyncio)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_PIECE: Final = 1 << 14


def to_port(port: int) -> Dial:
    """What listens on this port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: str) -> Dial:
    """What listens on this Unix socket."""
    return lambda: asyncio.open_unix_connection(path)


@dataclass
class Proxy:
    """``delay``: seconds that each piece waits; ``swallows``: nothing arrives, and nobody is told; ``refuses``: new
    connections end at once."""

    dial: Dial
    port: int = 0
    delay: float = 0.0
    swallows: bool = False
    refuses: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def cut(self) -> None:
        """Every connection ends now, without a farewell."""
        self._loop.call_soon_threadsafe(self._cut)

    def well(self) -> None:
        """As if nothing had been."""
        self.delay, self.swallows, self.refuses = 0.0, False, False

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            if self.refuses:
                return
            answers, there = await self.dial()
            self._open.add(there)
            ways = [asyncio.create_task(self._carry(*way)) for way in ((reader, there), (answers, writer))]
            _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in rest:
                way.cancel()
        except OSError:
            pass  # nobody listens there for now
        finally:
            for each in filter(None, (writer, there)):
                self._open.discard(each)
                each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ConnectionError):
            while piece := await reader.read(_PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if not self.swallows:
                    writer.write(piece)
                    await writer.drain()


@contextmanager
def proxied(dial: Dial) -> Iterator[Proxy]:
    """A proxy on a free port while the block lasts."""
    proxy, ready = Proxy(dial), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(proxy._connected, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await server.serve_forever()

    def run() -> None:
        asyncio.set_event_loop(proxy._loop)
        with suppress(asyncio.CancelledError):
            proxy._loop.run_until_complete(serving)
        rest = asyncio.all_tasks(proxy._loop)
        for task in rest:
            task.cancel()
        proxy._loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))

    serving = proxy._loop.create_task(serve())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        proxy._loop.call_soon_threadsafe(proxy._cut)
        proxy._loop.call_soon_threadsafe(serving.cancel)
        thread.join(10)
        proxy._loop.close()
