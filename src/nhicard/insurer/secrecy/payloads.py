"""Sealing and opening what is stored of a submission, with the keys of this home."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import BinaryField, QuerySet
from django.db.models.functions import Substr

from nhicard.insurer.intake.models import Payload
from nhicard.insurer.secrecy import envelope
from nhicard.insurer.secrecy.envelope import MAGIC, Tampered, WrongKey
from nhicard.insurer.secrecy.ring import SecretRing

KEYS: Final = "payload-keys.json"


def sealed(content: bytes, submission: int) -> bytes:
    """What is stored for the submission (its id). The first one ever makes the key file. Raises WrongKey."""
    return envelope.seal(writing_ring(), content, place(submission))


def opened(content: bytes, submission: int) -> bytes:
    """The inverse of ``sealed``; what was stored before there were keys is given as it is, until the ring forbids it.

    Raises WrongKey, Tampered.
    """
    if envelope.is_envelope(content):
        return envelope.opened(ring(), content, place(submission))
    if path().exists() and not ring().plain:
        raise Tampered("應加密的內容未加密。What must be sealed is not.")
    return content


def path() -> Path:
    """The key file."""
    return Path(settings.HOME) / "keys" / KEYS


def ring() -> SecretRing:
    """The keys as the file has them now. Raises WrongKey where there is no file."""
    try:
        file = path().stat()
    except FileNotFoundError:
        raise WrongKey(f"找不到 {path()}，請從備份還原。{path()} is missing; restore it from a backup.") from None
    return _load(path(), file.st_ino, file.st_mtime_ns)


def beginning_with(start: bytes) -> QuerySet[Payload]:
    """Stored payloads that begin with these bytes."""
    cut = Substr("content", 1, len(start), output_field=BinaryField())
    return Payload.objects.alias(start=cut).filter(start=start)


def place(submission: int) -> bytes:
    """What binds a sealed payload to its submission."""
    return b"payload %d" % submission


def writing_ring() -> SecretRing:
    """The keys; made where there are none and nothing was sealed yet. Raises WrongKey."""
    if not path().exists() and not beginning_with(MAGIC).exists():  # a lost key is not replaced by another one
        with contextlib.suppress(FileExistsError):  # another process was first
            SecretRing.new().create(path())
    return ring()


@lru_cache(maxsize=4)
def _load(file: Path, _inode: int, _changed: int) -> SecretRing:
    return SecretRing.load(file)
