"""Bytes of a result file, or of every member of a ZIP of them: bounded, and never written anywhere."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from typing import Final, NamedTuple

MAX_BYTES: Final = 512 << 20  # of all members together, unpacked
MAX_MEMBERS: Final = 1000
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED: Final = 0x1
_NAME_IS_UTF8: Final = 0x800
_AES: Final = 99
#: What the library raises for a ZIP whose places, sizes or compressed bytes are wrong.
_DAMAGED: Final = (
    *(zipfile.BadZipFile, OSError, EOFError, ValueError, OverflowError),
    *(struct.error, zlib.error, LZMAError),
)


class UnusableResult(ValueError):
    """The input cannot be read as results at all; ``zh`` and ``en`` say why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class Member(NamedTuple):
    """One file of results; ``name`` is its name in the ZIP, empty for a file by itself."""

    name: str
    data: bytes


def members(data: bytes, password: bytes | None = None) -> Iterator[Member]:
    """The data itself, or the members of the ZIP that it is, in their order, without folders.

    Raises UnusableResult for a broken ZIP, one that is too large, and one that the password does not open.
    """
    if not data.startswith(_ZIP):
        if len(data) > MAX_BYTES:
            raise _too_large()
        yield Member("", data)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from _unpacked(archive, password)
    except UnusableResult:
        raise
    except NotImplementedError:
        raise UnusableResult("ZIP 的壓縮方式無法處理。", "The ZIP uses a method that is not supported.") from None
    except _DAMAGED:
        raise UnusableResult("ZIP 檔已損壞，請重新下載。", "The ZIP file is damaged; download it again.") from None


def _unpacked(archive: zipfile.ZipFile, password: bytes | None) -> Iterator[Member]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if not entries:
        raise UnusableResult("ZIP 裡沒有檔案。", "The ZIP holds no file.")
    if len(entries) > MAX_MEMBERS:
        raise UnusableResult(
            f"ZIP 裡有 {len(entries):,} 個檔案，超過上限 {MAX_MEMBERS:,}。",
            f"The ZIP holds {len(entries):,} files; at most {MAX_MEMBERS:,} are read.",
        )
    left = MAX_BYTES
    for entry in entries:
        content = _content(archive, entry, left, password)
        left -= len(content)
        yield Member(_name(entry), content)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, password: bytes | None) -> bytes:
    """A member's bytes. What it claims to be long is not believed: reading itself stops at the limit."""
    if entry.compress_type == _AES:
        raise UnusableResult(
            "ZIP 以 AES 加密，目前無法讀取，請先解壓縮。",
            "The ZIP is encrypted with AES, not supported: unpack it first.",
        )
    if entry.flag_bits & _ENCRYPTED and password is None:
        raise UnusableResult("ZIP 有密碼，請提供密碼檔。", "The ZIP is encrypted; give its password.")
    try:
        with archive.open(entry, pwd=password) as stream:
            content = stream.read(limit + 1)
    except NotImplementedError:
        raise  # also a RuntimeError
    except RuntimeError:
        raise UnusableResult("ZIP 的密碼不對。", "The password does not open the ZIP.") from None
    if len(content) > limit:
        raise _too_large()
    return content


def _name(entry: zipfile.ZipInfo) -> str:
    """A member's name; programs in Taiwan write Big5 where the standard asks for code page 437 or UTF-8."""
    if entry.flag_bits & _NAME_IS_UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("cp950")
    except UnicodeError:
        return entry.filename


def _too_large() -> UnusableResult:
    limit = MAX_BYTES >> 20
    return UnusableResult(f"內容超過 {limit} MB，不予讀取。", f"The content is larger than {limit} MB and is not read.")
