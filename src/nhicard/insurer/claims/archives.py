"""Claim files packed as ZIP: the name that the insurer asks for, and nothing taken out that could do harm."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import date
from typing import Final

from nhicard.formats import rocdate
from nhicard.insurer.claims.heads import Head, NoClaim
from nhicard.insurer.intake.limits import LARGEST_UPLOAD

_MAGIC: Final = b"PK\x03\x04"
#: Institution 10, kind 2, month 5, claim type 1, period 1, B for Big5.
_NAME: Final = re.compile(r"(?P<institution>[0-9A-Z]{10})[0-9]{2}(?P<month>[0-9]{5})(?P<type>[0-9])(?P<period>[0-9])B")
_APPEALS: Final = ("4", "5")
_ENCRYPTED: Final = 0x1
_AT_ONCE: Final = 1 << 20
#: Deflate cannot do better on claims than about 1:40; far above it somebody wants to fill our memory.
_RATIO: Final = 200


def is_archive(content: bytes) -> bool:
    """Whether the bytes are a ZIP file."""
    return content.startswith(_MAGIC)


def unpacked(content: bytes) -> bytes:
    """The one member, at most as large as an upload may be. Raises NoClaim for any other archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].is_dir() or members[0].flag_bits & _ENCRYPTED:
                raise NoClaim("zip_members")
            member = members[0]
            if member.file_size > min(LARGEST_UPLOAD, _RATIO * max(member.compress_size, _AT_ONCE // _RATIO)):
                raise NoClaim("zip_bomb")
            return _bounded(archive, member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as trouble:
        raise NoClaim("zip_broken") from trouble


def require_name(name: str, told: Head) -> None:
    """Raises NoClaim where the archive's name is not of the layout, or says another thing than the file in it."""
    stem, _, ending = name.rpartition(".")
    found = _NAME.fullmatch(stem.upper())
    if found is None or ending.lower() != "zip":
        raise NoClaim("zip_name")
    if found["type"] in _APPEALS:
        raise NoClaim("zip_appeal")
    names = (found["institution"], found["month"], found["type"])
    if names != (told.institution, _month(told.month), told.part[0]):
        raise NoClaim("zip_other")


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's bytes; the sizes that an archive states of itself are not believed."""
    parts, size = [], 0
    with archive.open(member) as stream:
        while part := stream.read(_AT_ONCE):
            size += len(part)
            if size > LARGEST_UPLOAD:
                raise NoClaim("zip_bomb")
            parts.append(part)
    return b"".join(parts)


def _month(month: date) -> str:
    return rocdate.format_date(month)[:5]
