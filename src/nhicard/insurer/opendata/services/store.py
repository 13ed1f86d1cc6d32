"""The folder in which snapshots are published.

``releases/<day>.<digest>/`` hold the files and never change; ``days/<day>`` and ``latest`` are links to one of them,
replaced in one step. A reader that follows a link once reads one whole release, whatever the publisher does meanwhile;
a publisher that is killed leaves at most a folder that no link leads to, which the next one removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

_RELEASES, _DAYS, _LATEST, _LOCK = "releases", "days", "latest", ".publishing"
_UNFINISHED: Final = ".unfinished-"
_FOR_ALL: Final = 0o755


@contextmanager
def publishing(folder: Path) -> Iterator[None]:
    """One publisher at a time; what a killed one left is removed. Needs a system that locks files (POSIX)."""
    import fcntl

    for name in (_RELEASES, _DAYS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for parent in (folder, folder / _RELEASES, folder / _DAYS):
            for left in parent.glob(f"{_UNFINISHED}*"):
                left.unlink() if left.is_symlink() else shutil.rmtree(left)
        yield


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def publish(folder: Path, day: date, files: Mapping[str, bytes]) -> Path:
    """Make the files the snapshot of the day, and the latest one unless a later day is out. Within ``publishing``.

    Returns the release's folder. Raises OSError; readers then go on seeing what was there before.
    """
    told = "\n".join(f"{name} {digest(content)}" for name, content in sorted(files.items()))
    release = folder / _RELEASES / f"{day}.{digest(told.encode())[:16]}"
    if not release.exists():
        _write(release, files)
    _point(folder / _DAYS / day.isoformat(), release)
    last = _day_of(latest(folder))
    if last is None or last <= day:
        _point(folder / _LATEST, release)
    return release


def latest(folder: Path) -> Path | None:
    """The release that is the latest now; None where nothing is published."""
    return _followed(folder / _LATEST)


def of_day(folder: Path, day: date) -> Path | None:
    """The release of a day; None where there is none."""
    return _followed(folder / _DAYS / day.isoformat())


def days(folder: Path) -> list[date]:
    """The days that are published, the newest first."""
    try:
        names = sorted((each.name for each in (folder / _DAYS).iterdir()), reverse=True)
    except FileNotFoundError:
        return []
    return [date.fromisoformat(name) for name in names if not name.startswith(".")]


def day_before(folder: Path, day: date) -> date | None:
    """The last published day before this one."""
    return next((each for each in days(folder) if each < day), None)


def _write(release: Path, files: Mapping[str, bytes]) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=release.parent))
    unfinished.chmod(_FOR_ALL)
    for name, content in files.items():
        with (unfinished / name).open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    _sync(unfinished)
    unfinished.rename(release)
    _sync(release.parent)


def _point(link: Path, release: Path) -> None:
    """The link leads to the release from one moment to the next."""
    unfinished = link.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
    unfinished.symlink_to(os.path.relpath(release, link.parent))
    unfinished.replace(link)
    _sync(link.parent)


def _followed(link: Path) -> Path | None:
    with contextlib.suppress(FileNotFoundError):
        return link.resolve(strict=True)
    return None


def _day_of(release: Path | None) -> date | None:
    return date.fromisoformat(release.name.partition(".")[0]) if release else None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
