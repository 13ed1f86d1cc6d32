"""Files beside an application: PDF, PNG or JPEG by their content, nothing hidden behind it, plain names."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.db import transaction

from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.models import Attachment, Case, State
from nhicard.insurer.applications.services import cases
from nhicard.insurer.applications.services.refusals import Refused

LARGEST: Final = 5 * 1024 * 1024
MOST: Final = 5
ENDINGS: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|]{1,95}")
_LOOKS_LIKE_ENDING: Final = re.compile(r"\.[0-9]?[A-Za-z][A-Za-z0-9]{0,4}$")
_ZIP_END: Final = (b"PK\x05\x06", b"PK\x06\x07")  # an archive is read from its end, whatever stands before it
_ZIP_TAIL: Final = 66_000
_ACTIVE_PDF: Final = re.compile(rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia)(?![A-Za-z])")


@transaction.atomic
def add(case: Case, name: str, content: bytes, actor: User, now: datetime) -> Attachment:
    """Keep a file with a draft; the same content twice is one file. Raises Refused, and nothing is kept."""
    kept = cases.locked(case.pk)
    if kept.state != State.DRAFT:
        raise Refused("handed_in")
    clean, media_type = plain_name(name), media_type_of(content)
    if ENDINGS[clean.rpartition(".")[2].lower()] != media_type:
        raise Refused("file_type")
    sha256 = hashlib.sha256(content).hexdigest()
    same = kept.attachments.filter(sha256=sha256).first()
    if same:
        return same
    if kept.attachments.count() >= MOST:
        raise Refused("file_too_many")
    return Attachment.objects.create(
        case=kept,
        name=clean,
        media_type=media_type,
        size=len(content),
        sha256=sha256,
        content=content,
        added_at=now,
        added_by=actor,
    )


@transaction.atomic
def remove(case: Case, number: str) -> None:
    """Take a file out of a draft; a number that is none of its files is nothing. Raises Refused once handed in."""
    if cases.locked(case.pk).state != State.DRAFT:
        raise Refused("handed_in")
    if number.isascii() and number.isdecimal():
        Attachment.objects.filter(case=case, pk=int(number[:18])).delete()


def plain_name(name: str) -> str:
    """The name as it is kept; raises Refused for paths, control characters, wrong or double endings."""
    told = unicodedata.normalize("NFC", name).strip()
    stem, dot, ending = told.rpartition(".")
    hidden = any(unicodedata.category(letter) == "Cf" for letter in told)  # e.g. turns the direction of the text
    if not dot or hidden or not _NAME.fullmatch(stem) or stem.startswith(".") or stem.endswith((".", " ")):
        raise Refused("file_name")
    if ending.lower() not in ENDINGS:
        raise Refused("file_type")
    if _LOOKS_LIKE_ENDING.search(stem):
        raise Refused("file_name")
    return told


def media_type_of(content: bytes) -> str:
    """The type that the whole content bears out, to its last byte; raises Refused."""
    if not content:
        raise Refused("file_empty")
    if len(content) > LARGEST:
        raise Refused("file_large")
    found = next((kind for kind, is_whole in _WHOLE.items() if is_whole(content)), None)
    if found is None or any(mark in content[-_ZIP_TAIL:] for mark in _ZIP_END):
        raise Refused("file_content")
    return found


def _whole_pdf(content: bytes) -> bool:
    starts = content.startswith(b"%PDF-1.") or content.startswith(b"%PDF-2.")
    return starts and content.rstrip(b"\r\n \t\x00").endswith(b"%%EOF") and not _ACTIVE_PDF.search(content)


def _whole_png(content: bytes) -> bool:
    """Chunk after chunk with their checksums, from IHDR to an IEND that is the end of the file."""
    if not content.startswith(_PNG):
        return False
    at, kinds = len(_PNG), list[bytes]()
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4])
        body, check = content[at + 4 : at + 8 + size], content[at + 8 + size : at + 12 + size]
        if len(check) != 4 or zlib.crc32(body) != int.from_bytes(check):
            return False
        kinds.append(body[:4])
        at += 12 + size
    return at == len(content) and kinds[:1] == [b"IHDR"] and kinds[-1] == b"IEND" and kinds.count(b"IEND") == 1


def _whole_jpeg(content: bytes) -> bool:
    """Segments up to the picture's data, in which the first end-of-image mark is the end of the file."""
    if not content.startswith(b"\xff\xd8\xff"):
        return False
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        if content[at + 1] == 0xDA:
            return content.find(b"\xff\xd9", at) == len(content) - 2
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return False


_WHOLE: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "application/pdf": _whole_pdf,
    "image/png": _whole_png,
    "image/jpeg": _whole_jpeg,
}
