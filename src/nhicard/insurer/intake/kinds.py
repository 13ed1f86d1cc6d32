"""Kinds of upload (sType): what each is, how it may arrive and how long its result is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import models

from nhicard.formats.tables import Edition


class Channel(models.TextChoices):
    """上傳管道"""

    WEB_API = "web", "Web API"
    VPN = "vpn", "VPN"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. A1 and A2 are the field's own codes; B1 and B2, for edition 1.0, are ours."""

    code: str
    edition: Edition
    is_precheck: bool
    zh: str


KINDS: Final[Mapping[str, Kind]] = {
    kind.code: kind
    for kind in (
        Kind("A1", "2.0", False, "2.0 正式上傳"),
        Kind("A2", "2.0", True, "2.0 預檢"),
        Kind("B1", "1.0", False, "1.0 正式上傳"),
        Kind("B2", "1.0", True, "1.0 預檢"),
    )
}
CONNECTION_TEST: Final = "ZZ"

_VPN_RESULT, _VPN_PRECHECK_RESULT, _WEB_RESULT = timedelta(days=14), timedelta(days=2), timedelta(days=3)


def kept_for(kind: Kind, channel: str) -> timedelta:
    """How long a result can be fetched; afterwards only its counts remain."""
    if channel == Channel.WEB_API:
        return _WEB_RESULT
    return _VPN_PRECHECK_RESULT if kind.is_precheck else _VPN_RESULT
