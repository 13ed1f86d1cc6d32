"""What a claim file says of itself, read from its first bytes: kind, institution, month, claim type, period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from nhicard.formats import rocdate
from nhicard.formats.claims import KINDS, Kind, table

_MOST: Final = 64 * 1024
_END: Final = b"</tdata>"
_DOCUMENT_TYPE: Final = b"<!DOCTYPE"
WHOLE_MONTH: Final = "3"
_MIDDLE: Final = 15
_TYPES: Final = ("1", "2")


class NoClaim(ValueError):
    """The bytes are no claim file that can be taken in; ``reason`` names a text ``claims.error.<reason>``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Head:
    """``month`` is the first day of it; ``part`` is claim type and period (1 first half, 2 second half, 3 whole)."""

    kind: Kind
    institution: str
    month: date
    part: str


def head(content: bytes) -> Head:
    """The head of a claim file. Raises NoClaim."""
    end = content.find(_END, 0, _MOST)
    if end < 0 or _DOCUMENT_TYPE in content[:end]:
        raise NoClaim("no_claim")
    kind, values = _totals(content[: end + len(_END)])
    roles = table(kind).roles

    def told(role: str) -> str:
        return values.get(roles.get(role, ""), "").strip()

    try:
        month = rocdate.parse_date(f"{told('month')}01")
    except ValueError:
        raise NoClaim("no_month") from None
    if told("claim_type") not in _TYPES:
        raise NoClaim("no_type")
    return Head(kind, told("institution"), month, told("claim_type") + _period(told("first_day"), told("last_day")))


def _totals(start: bytes) -> tuple[Kind, Mapping[str, str]]:
    """The root as a kind and the elements of tdata; the parser opens no entity, file or address."""
    parser = etree.XMLPullParser(events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False)
    try:
        parser.feed(start)
        met = [(event, each) for event, each in parser.read_events() if isinstance(each, etree._Element)]
    except etree.XMLSyntaxError:
        raise NoClaim("no_claim") from None
    kind = next((kind for kind in KINDS if met and kind == met[0][1].tag), None)
    if kind is None:
        raise NoClaim("no_claim")
    return kind, {str(each.tag): each.text or "" for event, each in met if event == "end"}


def _period(first: str, last: str) -> str:
    """1 or 2 where the days claimed lie in one half of the month; the whole month where they are not told."""
    try:
        begins, ends = rocdate.parse_date(first).day, rocdate.parse_date(last).day
    except ValueError:
        return WHOLE_MONTH
    if ends <= _MIDDLE:
        return "1"
    return "2" if begins > _MIDDLE else WHOLE_MONTH
