"""What a program asks of a card, whichever kind of card it is: typed functions over APDUs.

Every function selects the application that it needs, so they can be called in any order; a PIN that was
verified stays verified. Public data works with real health cards; what the other functions ask for is known to
this project's simulated cards, and a card without it raises `NotSupported`.

All of them raise `nhicard.reader.cards.apdu.CardRemoved`, and `CardFault` for an answer that makes no sense.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from cryptography import x509

from nhicard.formats import encoding, rocdate
from nhicard.identity.signature_block import PinState
from nhicard.reader.cards.apdu import Card, CardError, CardFault, Command, Response, StatusWord, exchange
from nhicard.reader.cards.applications import (
    AIDS,
    CERTIFICATE,
    INSTITUTION,
    NAME,
    NUMBER,
    PERSON_ID,
    PIN_REFERENCE,
    PUBLIC_DATA,
    PUBLIC_DATA_LENGTH,
    PUBLIC_DATA_QUERY,
    PUBLIC_DATA_WIDTHS,
    Kind,
    code_block,
)

_SIGNED_LENGTH: Final = 65  # PIN state, r, s
_ALL: Final = 256
_PIN_VERIFIED: Final = 0x01  # P1: the command rests on a PIN verified before, or on there being none


class NotThisKindOfCard(CardError):
    """None of the applications asked for is on the card."""


class NotSupported(CardFault):
    """The card does not know the command: a real card that leaves this to other keys, or another kind of card."""


class WrongPin(CardError):
    """The PIN or PUK was wrong; ``tries_left`` (1 or more) says how often it may still be tried."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"wrong PIN or PUK, {tries_left} tries left")
        self.tries_left = tries_left


class PinBlocked(CardError):
    """No tries are left: of the PIN (unblock it with the PUK) or, when unblocking, of the PUK itself."""


class PinNotVerified(CardError):
    """The card wants its PIN verified first."""


class NoPinSet(CardError):
    """The card has no PIN in force, or, when unblocking, none that a PUK could unblock."""


@dataclass(frozen=True, slots=True)
class BasicData:
    """The public data of a health card. A date that the card does not hold as a ROC date is None.

    Bytes of the name that are not Big5 are U+FFFD; ``sex`` is M or F.
    """

    number: str = field(repr=False)
    name: str = field(repr=False)
    person_id: str = field(repr=False)
    birth_date: dt.date | None = field(repr=False)
    sex: str
    issue_date: dt.date | None


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Whose staff card it is."""

    person_id: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardSignature:
    """``signature``: raw ECDSA r || s (64 bytes, P-256, SHA-256) over the challenge and one byte, ``state``."""

    state: PinState
    signature: bytes


def kind_of(card: Card) -> Kind:
    """Which kind of card it is; raises `NotThisKindOfCard` for a card of another purpose."""
    return _select(card, *AIDS)


def read_basic_data(card: Card) -> BasicData:
    """The public data of a health card, real or simulated; raises `NotThisKindOfCard`."""
    _select(card, Kind.HC)
    # Sent as Lc 2 without Le, the form that real cards are known to answer.
    answer = _get_data(card, PUBLIC_DATA, query=PUBLIC_DATA_QUERY)
    if len(answer) < PUBLIC_DATA_LENGTH:
        raise CardFault(None, f"{len(answer)} bytes of public data instead of {PUBLIC_DATA_LENGTH}")
    ends = list(accumulate(PUBLIC_DATA_WIDTHS.values(), initial=0))
    spans = zip(PUBLIC_DATA_WIDTHS, ends, ends[1:], strict=False)
    text = {part: _text(answer[start:end]) for part, start, end in spans}
    return BasicData(
        number=text["number"],
        name=text["name"],
        person_id=text["person_id"],
        birth_date=_date(text["birth_date"]),
        sex=text["sex"],
        issue_date=_date(text["issue_date"]),
    )


def read_number(card: Card) -> str:
    """The card's number, 12 characters, of any kind of card."""
    if kind_of(card) is Kind.HC:
        return read_basic_data(card).number
    return _text(_get_data(card, NUMBER))


def read_institution(card: Card) -> str:
    """The institution code, 10 characters, of a SAM; raises `NotThisKindOfCard`."""
    _select(card, Kind.SAM)
    return _text(_get_data(card, INSTITUTION))


def read_staff_member(card: Card) -> StaffMember:
    """Whose staff card it is; raises `NotThisKindOfCard`."""
    _select(card, Kind.HPC)
    return StaffMember(_text(_get_data(card, PERSON_ID)), _text(_get_data(card, NAME)))


def certificate(card: Card) -> x509.Certificate:
    """The certificate of the card's signing key; raises `NotSupported` for a card without one."""
    kind_of(card)
    der = _get_data(card, CERTIFICATE)
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise CardFault(None, "its certificate is no X.509") from None


def sign(card: Card, challenge: bytes) -> CardSignature:
    """The card's signature over a challenge of 1 to 255 bytes.

    Raises `PinNotVerified` (staff card), `NotSupported` (real cards keep their keys to themselves) and
    `ValueError` for a challenge of another length.
    """
    if not challenge:
        raise ValueError("a challenge has 1 to 255 bytes")
    command = Command(0x00, 0x88, data=challenge, le=_ALL)
    kind_of(card)
    answer = _answered(exchange(card, command)).data
    try:
        state, signature = PinState(answer[0]), answer[1:]
    except (IndexError, ValueError):
        raise CardFault(None, "its signature has no PIN state") from None
    if len(answer) != _SIGNED_LENGTH:
        raise CardFault(None, f"{len(answer)} bytes of signature instead of {_SIGNED_LENGTH}")
    return CardSignature(state, signature)


def has_pin(card: Card) -> bool:
    """Whether the card's PIN is in force, verified or not; raises as `sign` but for an unverified PIN."""
    try:
        return sign(card, b"?").state is not PinState.NOT_SET
    except PinNotVerified:
        return True


def tries_left(card: Card) -> int | None:
    """Tries of the PIN that are left, 0 when blocked; None where no PIN is in the way (none set, or verified)."""
    kind_of(card)
    response = exchange(card, _pin_command(0x20))
    if response.sw == StatusWord.AUTHENTICATION_BLOCKED:
        return 0
    if response.sw & 0xFFF0 == StatusWord.WRONG_PIN:
        return response.sw & 0x0F
    _answered(response)
    return None


def verify_pin(card: Card, pin: str) -> None:
    """Verify the PIN for this session; raises `WrongPin`, `PinBlocked`, `NoPinSet`, `ValueError` (its form)."""
    _present(card, _pin_command(0x20, code_block(pin)))


def set_pin(card: Card, new_pin: str) -> None:
    """Set a patient card's first PIN, or a new one in a session in which the PIN is verified.

    A first PIN still has to be verified afterwards. Raises `PinNotVerified`, `NoPinSet` (a card that never has
    one), `ValueError` (its form).
    """
    _present(card, _pin_command(0x24, code_block(new_pin), p1=_PIN_VERIFIED))


def change_pin(card: Card, old_pin: str, new_pin: str) -> None:
    """Change the PIN, which also verifies it; raises as `verify_pin`."""
    _present(card, _pin_command(0x24, code_block(old_pin) + code_block(new_pin)))


def remove_pin(card: Card, pin: str | None = None) -> None:
    """Do without a PIN from now on, given the PIN or having verified it in this session.

    Raises as `verify_pin`, `PinNotVerified`, and `NoPinSet` also for a staff card, whose PIN stays.
    """
    command = _pin_command(0x26, p1=_PIN_VERIFIED) if pin is None else _pin_command(0x26, code_block(pin))
    _present(card, command)


def unblock(card: Card, puk: str, new_pin: str) -> None:
    """Set a new PIN with all its tries by means of the PUK; raises as `verify_pin`, here of the PUK."""
    _present(card, _pin_command(0x2C, code_block(puk) + code_block(new_pin)))


def _select(card: Card, *kinds: Kind) -> Kind:
    """The first of the kinds whose application the card has; it is selected afterwards."""
    for kind in kinds:
        if exchange(card, Command(0x00, 0xA4, 0x04, data=AIDS[kind])).sw == StatusWord.OK:
            return kind
    raise NotThisKindOfCard(f"the card is none of {', '.join(kinds)}")


def _get_data(card: Card, tag: int, query: bytes = b"") -> bytes:
    le = None if query else _ALL
    return _answered(exchange(card, Command(0x00, 0xCA, tag >> 8, tag & 0xFF, query, le))).data


def _pin_command(ins: int, data: bytes = b"", p1: int = 0x00) -> Command:
    return Command(0x00, ins, p1, PIN_REFERENCE, data)


def _present(card: Card, command: Command) -> None:
    kind_of(card)
    response = exchange(card, command)
    if response.sw == StatusWord.CONDITIONS_NOT_SATISFIED:
        raise NoPinSet("the card has no PIN in force, or none that this could change")
    _answered(response)


def _answered(response: Response) -> Response:
    """The response if it is a success; otherwise raises what its status word means."""
    sw = response.sw
    if sw & 0xFFF0 == StatusWord.WRONG_PIN and sw & 0x0F:
        raise WrongPin(sw & 0x0F)
    if sw in _MEANINGS:
        raise _MEANINGS[sw](f"status word {sw:04X}")
    if sw in _UNSUPPORTED:
        raise NotSupported(sw, "the card does not know the command")
    if sw != StatusWord.OK:
        raise CardFault(sw)
    return response


def _text(field_bytes: bytes) -> str:
    """Big5 without padding; what is not Big5 is U+FFFD."""
    text, _ = encoding.decode_marking(field_bytes)
    return text.strip(" \x00\u3000")


def _date(text: str) -> dt.date | None:
    try:
        return rocdate.parse_date(text)
    except ValueError:
        return None


_MEANINGS: Final[dict[int, Callable[[str], CardError]]] = {
    StatusWord.WRONG_PIN: PinBlocked,  # 63C0: that was the last try
    StatusWord.AUTHENTICATION_BLOCKED: PinBlocked,
    StatusWord.SECURITY_STATUS_NOT_SATISFIED: PinNotVerified,
}
_UNSUPPORTED: Final = frozenset(
    {
        StatusWord.INS_NOT_SUPPORTED,
        StatusWord.CLA_NOT_SUPPORTED,
        StatusWord.FUNCTION_NOT_SUPPORTED,
        StatusWord.DATA_NOT_FOUND,
    }
)
