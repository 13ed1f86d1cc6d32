"""Our own commands as processes of their own, for demos and measurements: started, waited for, stopped."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

_STARTS_WITHIN: Final = 60.0


@contextmanager
def service(arguments: list[str], log: Path) -> Iterator[None]:
    """One of our own commands as a process of its own, output to a log, stopped at the end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nhicard", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def client_of(url: str, ca: Path, ready: str) -> Iterator[httpx.Client]:
    """A client of a service that is starting; raises TimeoutError where it does not come up."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while not ca.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    if not ca.exists():
        raise TimeoutError(f"{url} did not start")
    with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(ca)), timeout=20) as client:
        while True:
            try:
                client.get(ready).raise_for_status()
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{url} did not start") from None
                time.sleep(0.1)
        yield client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
