"""Recognising a virtual card where there is no network (居家照護離線認卡): by the QR code and the root alone."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from nhicard.formats.status_codes import Refused
from nhicard.identity import virtual_token
from nhicard.identity.certificates import CertificateRefused, Fault
from nhicard.identity.private_files import write_private
from nhicard.identity.virtual_token import Reason, TokenRefused

_log = logging.getLogger("nhicard.reader")
_REFUSALS: Final = {Reason.NOT_A_TOKEN: 1520, Reason.UNREADABLE: 1522, Reason.FORGED: 1523, Reason.TIMED_OUT: 1521}
_NO_ROOT, _FORGED, _EXPIRED = 1045, 1523, 1524


def recognised(text: str, root_file: Path, now: datetime) -> dict[str, Any]:
    """Whom the QR code stands for. Raises Refused: 1045 without the root certificate, 1520-1524."""
    try:
        root = x509.load_pem_x509_certificate(root_file.read_bytes())
    except (OSError, ValueError):
        raise Refused(_NO_ROOT) from None
    try:
        token = virtual_token.read(text)
        subject = virtual_token.recognise_offline(token, root, now)
    except TokenRefused as refusal:
        raise Refused(_REFUSALS[refusal.reason]) from None
    except CertificateRefused as refusal:
        raise Refused(_EXPIRED if refusal.fault is Fault.EXPIRED else _FORGED) from None
    assert token.basic is not None
    return {
        "cardId": token.card,
        "name": token.basic.name,
        "idNo": subject.person,
        "birthday": token.basic.birthday,
        "sex": token.basic.sex,
        "identityStatus": "",
        "offline": True,
    }


def keep_root(file: Path, pem: object) -> None:
    """Keep the insurer's root certificate as the data centre gives it, for the day without a network."""
    if not isinstance(pem, str) or not pem:
        return
    try:
        x509.load_pem_x509_certificate(pem.encode())
        if not file.exists() or file.read_text(encoding="ascii") != pem:
            write_private(file, pem.encode())
    except (OSError, ValueError):
        _log.warning("the insurer's root certificate could not be kept")
