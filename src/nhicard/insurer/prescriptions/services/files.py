"""The uploaded files, beside the database, readable by the service's own user only."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from nhicard.identity.private_files import write_private


def path_of(digest: str) -> Path:
    """Where the file with the digest lies."""
    return Path(settings.HOME) / "prescription-images" / digest[:2] / digest


def keep(digest: str, content: bytes) -> None:
    """On disk before this returns; the same content once. Raises OSError."""
    path = path_of(digest)
    if not path.exists():
        write_private(path, content)
