"""A publisher that is killed at each of its writes to the disk in turn; what readers see after each, as JSON.

python -m tests.insurer.opendata.killed_publisher FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from nhicard.insurer.opendata.services import store

DAY = date(2023, 12, 31)


def files(number: int) -> dict[str, bytes]:
    """A release whose files say which one it is."""
    return {name: f"{number}\n".encode() * 1000 for name in ("incentives.csv", "metadata.jsonld")}


def publish(folder: Path, number: int) -> None:
    """As the job does."""
    with store.publishing(folder):
        store.publish(folder, DAY, files(number))


def _killed_at(place: int) -> Callable[[Any], None]:
    """An fsync that ends the process when it is called for the n-th time."""
    calls, really = count(1), os.fsync

    def fsync(descriptor: Any) -> None:
        if next(calls) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        really(descriptor)

    return fsync


def seen(folder: Path) -> dict[str, Any]:
    """What a reader finds: the content of each file behind both links, first line and length."""
    found: dict[str, Any] = {}
    for name, release in (("latest", store.latest(folder)), ("day", store.of_day(folder, DAY))):
        assert release
        found[name] = {
            each.name: [each.read_text().partition("\n")[0], each.read_text().count("\n")]
            for each in sorted(release.iterdir())
        }
    return found


def main(folder: Path) -> None:
    """Publish 0 whole, then n killed at its n-th write, until one is not killed any more."""
    publish(folder, 0)
    told: list[dict[str, Any]] = []
    for place in count(1):
        child = os.fork()
        if not child:
            os.fsync = _killed_at(place)  # type: ignore[assignment]
            publish(folder, place)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        left = len(list(folder.rglob(".unfinished-*")))
        told.append({"number": place, "killed": killed, "left": left, **seen(folder)})
        if not killed:
            break
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
