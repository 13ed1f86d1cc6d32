"""Values as database drivers give them, as the texts that a spreadsheet would hold."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from nhicard.formats.rocdate import TAIPEI


def as_text(value: Any) -> str | None:
    """The value as text: dates as ISO 8601, times in Taipei, numbers without exponent, truth as 1 and 0."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        local = value.astimezone(TAIPEI).replace(tzinfo=None) if value.tzinfo else value
        return local.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_bytes(bytes(value))
    return str(value)


def _of_bytes(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()
