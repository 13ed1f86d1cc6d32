"""The second factor: one-time codes by RFC 6238 (TOTP), set up with a QR code, and recovery codes on paper."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from nhicard.formats.rocdate import TAIPEI
from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import RecoveryCode, User
from nhicard.insurer.accounts.services import sessions

_ISSUER: Final = "NHI portal"
_CODE_BYTES: Final = 10


def device_of(user: User) -> TOTPDevice | None:
    """The user's confirmed device."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


def new_device(user: User) -> TOTPDevice:
    """A device to be confirmed. One for each try: who only saw the key of another try must not know this one."""
    return TOTPDevice.objects.create(user=user, name="totp", confirmed=False)


def latest_try(user: User) -> TOTPDevice | None:
    """The device that the user began to set up last and has not confirmed."""
    return TOTPDevice.objects.filter(user=user, confirmed=False).order_by("-pk").first()


@transaction.atomic
def is_right(device: TOTPDevice, code: str, now: datetime) -> bool:
    """Whether it is the device's code of this half minute or one beside it; a code is right only once."""
    held = TOTPDevice.objects.select_for_update().get(pk=device.pk)
    expected = _generator(held, now)
    code = "".join(code.split())
    if len(code) != held.digits or not (code.isascii() and code.isdigit()):
        return False
    if not expected.verify(int(code), held.tolerance, held.last_t + 1):
        return False
    held.last_t = expected.t()
    held.drift = expected.drift
    held.last_used_at = now
    held.save(update_fields=["last_t", "drift", "last_used_at"])
    return True


def code_now(device: TOTPDevice, now: datetime) -> str:
    """The code that the user's telephone shows."""
    return f"{_generator(device, now).token():0{device.digits}d}"


@transaction.atomic
def confirm(device: TOTPDevice, code: str, now: datetime) -> list[str] | None:
    """Put the device into use, in place of older ones, and make recovery codes; None where the code is wrong."""
    if not is_right(device, code, now):
        return None
    TOTPDevice.objects.filter(user=device.user).exclude(pk=device.pk).delete()
    TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
    device.refresh_from_db()
    sessions.note(device.user, "second_factor_set", now)
    return new_recovery_codes(device.user, now)


@transaction.atomic
def new_recovery_codes(user: User, now: datetime) -> list[str]:
    """Fresh recovery codes in place of all older ones. They are told this once; only their digests are kept."""
    user.recovery_codes.all().delete()
    codes = [
        _grouped(base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()) for _ in range(policy.RECOVERY_CODES)
    ]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    sessions.note(user, "recovery_codes_made", now)
    return codes


@transaction.atomic
def use_recovery_code(user: User, code: str) -> bool:
    """Whether it is one of the user's recovery codes; it is used up then."""
    digest = _digest(code)
    for each in user.recovery_codes.select_for_update():
        if hmac.compare_digest(each.digest, digest):
            each.delete()
            return True
    return False


def secret(device: TOTPDevice) -> str:
    """The key as authenticator programs take it, in groups of four."""
    return _grouped(base64.b32encode(device.bin_key).decode())


def picture(device: TOTPDevice) -> str:
    """A QR code of the key as the address of an image (``data:``, SVG)."""
    label = quote(f"{_ISSUER}:{device.user.get_username()}")
    facts = {
        "secret": secret(device).replace(" ", ""),
        "issuer": _ISSUER,
        "digits": device.digits,
        "period": device.step,
    }
    uri = f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"
    return segno.make(uri, error="m", micro=False).svg_data_uri(scale=5, border=3, light="#fff")


def _generator(device: TOTPDevice, now: datetime) -> TOTP:
    found = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    found.time = now.replace(tzinfo=TAIPEI).timestamp()
    return found


def _grouped(letters: str) -> str:
    return " ".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def _digest(code: str) -> str:
    return hashlib.sha256("".join(code.upper().replace("-", "").split()).encode()).hexdigest()
