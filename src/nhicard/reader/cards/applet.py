"""A simulated card: the commands of ISO 7816-4 and 7816-8 over a card image.

INS  command                            what it does here
===  =================================  ======================================================================
A4   SELECT                             by AID; selecting the same application again keeps a verified PIN
CA   GET DATA                           the data objects of `nhicard.reader.cards.applications`
C0   GET RESPONSE                       the rest of an answer longer than Le (61xx)
20   VERIFY                             without data: 63Cx tries left, 9000 where no PIN is in the way
24   CHANGE REFERENCE DATA              P1 00: old and new PIN; P1 01: new PIN, once verified or where none is set
2C   RESET RETRY COUNTER                PUK and new PIN
26   DISABLE VERIFICATION REQUIREMENT   P1 00: with the PIN; P1 01: once verified
28   ENABLE VERIFICATION REQUIREMENT    with the PIN
88   INTERNAL AUTHENTICATE              ECDSA (P-256, SHA-256) over challenge and PIN state, both parts raw

A try is written to the image before the code is compared: killing the process gives no free try.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final, Literal, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from nhicard.identity.signature_block import PinState
from nhicard.reader.cards.apdu import Command, Response, StatusWord
from nhicard.reader.cards.applications import (
    AIDS,
    BLOCK,
    PIN_REFERENCE,
    PUBLIC_DATA,
    PUBLIC_DATA_QUERY,
    Kind,
    code_of,
)
from nhicard.reader.cards.data_objects import DATA_OBJECTS
from nhicard.reader.cards.image import CardImage, DamagedImage, load, update
from nhicard.reader.cards.secret_code import PIN_TRIES, SCRYPT_N, SecretCode

_CLA: Final = 0x00
_SELECT: Final = 0xA4
_GET_RESPONSE: Final = 0xC0
_COORDINATE: Final = 32  # bytes of r and of s
_MOST_AT_ONCE: Final = 256
# P1 P2 of the commands about the PIN: with the PIN in the data, or resting on its having been verified.
_PIN_GIVEN: Final = PIN_REFERENCE
_PIN_VERIFIED: Final = 0x0100 | PIN_REFERENCE

_Which = Literal["pin", "puk"]
_Change = Callable[[CardImage], CardImage]


class _Refused(Exception):
    """The command is answered with this status word alone."""

    def __init__(self, sw: int) -> None:
        super().__init__(sw)
        self.sw = sw


@dataclass(frozen=True, slots=True)
class _Session:
    """What a card forgets when its power goes."""

    selected: bool = False
    verified: bool = False
    remainder: bytes = b""  # of an answer longer than Le


class SimulatedCard:
    """A card over the image in a file, with a session of its own; threads may share it.

    Raises as `nhicard.reader.cards.image.load` does when it is made, and never afterwards: a file that has
    become unusable is a memory failure (6581). ``scrypt_n`` is the cost of PINs set from now on.
    """

    def __init__(self, image_path: Path, *, scrypt_n: int = SCRYPT_N) -> None:
        self._certificate = load(image_path).certificate
        self._path = image_path
        self._scrypt_n = scrypt_n
        self._session = _Session()
        self._one_at_a_time = Lock()

    def transmit(self, apdu: bytes) -> bytes:
        """The response APDU; at least a status word, whatever the bytes."""
        with self._one_at_a_time:
            return self._answer(apdu).to_bytes()

    def reset(self) -> None:
        """A power cycle: no application is selected and no PIN verified any more."""
        with self._one_at_a_time:
            self._session = _Session()

    def _answer(self, apdu: bytes) -> Response:
        try:
            command, instruction = _understood(apdu)
            if command.ins != _SELECT and not self._session.selected:
                _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)
            data = instruction.run(self, self._image(), command)
        except _Refused as refusal:
            return self._refused(refusal.sw)
        except (OSError, DamagedImage):  # the image cannot be read or written any more
            return self._refused(StatusWord.MEMORY_FAILURE)
        return self._sent(data, command.le or _MOST_AT_ONCE)

    def _image(self) -> CardImage:
        image = load(self._path)
        if image.certificate != self._certificate:  # another card in the same file must not find a PIN verified
            raise DamagedImage(self._path, "it is another card now")
        return image

    def _refused(self, sw: int) -> Response:
        self._session = replace(self._session, remainder=b"")
        return Response(b"", sw)

    def _sent(self, data: bytes, most: int) -> Response:
        remainder = data[most:]
        self._session = replace(self._session, remainder=remainder)
        if not remainder:
            return Response(data, StatusWord.OK)
        announced = len(remainder) if len(remainder) < _MOST_AT_ONCE else 0  # 00 means 256 or more
        return Response(data[:most], 0x6100 | announced)

    def _select(self, image: CardImage, command: Command) -> bytes:
        if command.data != AIDS[image.kind]:
            _refuse(StatusWord.APPLICATION_NOT_FOUND)
        self._session = replace(self._session, selected=True)
        return b""

    def _get_response(self, _image: CardImage, _command: Command) -> bytes:
        return self._session.remainder or _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)

    def _get_data(self, image: CardImage, command: Command) -> bytes:
        if command.data.strip(b"\x00"):
            _refuse(StatusWord.WRONG_DATA)
        read = DATA_OBJECTS[image.kind].get(command.p1p2) or _refuse(StatusWord.DATA_NOT_FOUND)
        return read(image)

    def _verify(self, image: CardImage, command: Command) -> bytes:
        if command.data:
            _check_in_force(image)
            self._prove("pin", command.data)
            self._set_verified(True)
        elif image.pin and self._pin_state(image) is PinState.NOT_VERIFIED:
            if not image.pin.tries_left:
                _refuse(StatusWord.AUTHENTICATION_BLOCKED)
            _refuse(StatusWord.WRONG_PIN | image.pin.tries_left)
        return b""

    def _change_reference_data(self, image: CardImage, command: Command) -> bytes:
        given, new = command.data[:-BLOCK], self._new_pin(command.data[-BLOCK:])
        if image.kind is Kind.SAM:
            _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)
        if command.p1p2 == _PIN_GIVEN:
            _check_in_force(image)
            self._prove("pin", given, lambda card: replace(card, pin=new))
            self._set_verified(True)
        else:
            self._check_verified(image)
            update(self._path, lambda card: replace(card, pin=new, pin_required=True))
        return b""

    def _reset_retry_counter(self, image: CardImage, command: Command) -> bytes:
        given, new = command.data[:BLOCK], self._new_pin(command.data[BLOCK:])
        _check_in_force(image)
        if image.puk is None:
            _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)
        self._prove("puk", given, lambda card: replace(card, pin=new))
        self._set_verified(False)
        return b""

    def _disable_verification(self, image: CardImage, command: Command) -> bytes:
        _check_in_force(image)
        if image.kind is Kind.HPC:
            _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)
        if command.p1p2 == _PIN_GIVEN:
            self._prove("pin", command.data, lambda card: replace(card, pin_required=False))
        else:
            self._check_verified(image)
            update(self._path, lambda card: replace(card, pin_required=False))
        self._set_verified(False)
        return b""

    def _enable_verification(self, image: CardImage, command: Command) -> bytes:
        if image.pin is None or image.pin_required:
            _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)
        self._prove("pin", command.data, lambda card: replace(card, pin_required=True))
        self._set_verified(True)
        return b""

    def _internal_authenticate(self, image: CardImage, command: Command) -> bytes:
        if image.kind is Kind.HPC:
            self._check_verified(image)
        state = bytes((self._pin_state(image),))
        signature = image.signing_key().sign(command.data + state, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        return state + r.to_bytes(_COORDINATE) + s.to_bytes(_COORDINATE)

    def _pin_state(self, image: CardImage) -> PinState:
        if not image.pin_required:
            return PinState.NOT_SET
        return PinState.VERIFIED if self._session.verified else PinState.NOT_VERIFIED

    def _check_verified(self, image: CardImage) -> None:
        if self._pin_state(image) is PinState.NOT_VERIFIED:
            _refuse(StatusWord.SECURITY_STATUS_NOT_SATISFIED)

    def _set_verified(self, verified: bool) -> None:
        self._session = replace(self._session, verified=verified)

    def _new_pin(self, block: bytes) -> SecretCode:
        return SecretCode.of(_code(block), PIN_TRIES, n=self._scrypt_n)

    def _prove(self, which: _Which, block: bytes, then: _Change = lambda card: card) -> None:
        """Refuse unless the block holds the code; if it does, restore the tries and make the change ``then``."""
        code = _code(block)
        secret = _secret(update(self._path, lambda card: _with_try_taken(card, which)), which)
        if not secret.matches(code):
            self._set_verified(False)
            _refuse(StatusWord.WRONG_PIN | secret.tries_left)
        update(self._path, lambda card: then(_with(card, which, _secret(card, which).with_tries_restored())))


@dataclass(frozen=True, slots=True)
class _Instruction:
    """What runs an instruction; the P1 P2 that it knows, with the lengths of data that each may have."""

    run: Callable[[SimulatedCard, CardImage, Command], bytes]
    forms: Mapping[int, Container[int]]
    unknown_form: StatusWord = StatusWord.WRONG_P1P2


_AID_LENGTHS: Final = range(5, 17)
_CHALLENGE_LENGTHS: Final = range(1, 256)
_DATA_FORMS: Final = {tag: {0} for objects in DATA_OBJECTS.values() for tag in objects}
_INSTRUCTIONS: Final[Mapping[int, _Instruction]] = {
    _SELECT: _Instruction(SimulatedCard._select, {0x0400: _AID_LENGTHS, 0x040C: _AID_LENGTHS}),
    _GET_RESPONSE: _Instruction(SimulatedCard._get_response, {0x0000: {0}}),
    0xCA: _Instruction(
        SimulatedCard._get_data,
        _DATA_FORMS | {PUBLIC_DATA: {len(PUBLIC_DATA_QUERY)}},
        StatusWord.DATA_NOT_FOUND,
    ),
    0x20: _Instruction(SimulatedCard._verify, {_PIN_GIVEN: {0, BLOCK}}),
    0x24: _Instruction(SimulatedCard._change_reference_data, {_PIN_GIVEN: {2 * BLOCK}, _PIN_VERIFIED: {BLOCK}}),
    0x2C: _Instruction(SimulatedCard._reset_retry_counter, {_PIN_GIVEN: {2 * BLOCK}}),
    0x26: _Instruction(SimulatedCard._disable_verification, {_PIN_GIVEN: {BLOCK}, _PIN_VERIFIED: {0}}),
    0x28: _Instruction(SimulatedCard._enable_verification, {_PIN_GIVEN: {BLOCK}}),
    0x88: _Instruction(SimulatedCard._internal_authenticate, {0x0000: _CHALLENGE_LENGTHS}),
}


def _understood(apdu: bytes) -> tuple[Command, _Instruction]:
    """The command and its instruction; refuses form, class, instruction, parameters and length, in this order."""
    try:
        command = Command.from_bytes(apdu)
    except ValueError:
        _refuse(StatusWord.WRONG_LENGTH)
    if command.cla != _CLA:
        _refuse(StatusWord.CLA_NOT_SUPPORTED)
    instruction = _INSTRUCTIONS.get(command.ins) or _refuse(StatusWord.INS_NOT_SUPPORTED)
    lengths = instruction.forms.get(command.p1p2) or _refuse(instruction.unknown_form)
    if len(command.data) not in lengths:
        _refuse(StatusWord.WRONG_LENGTH)
    return command, instruction


def _refuse(sw: int) -> NoReturn:
    raise _Refused(sw)


def _check_in_force(image: CardImage) -> None:
    if not image.pin_required:
        _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)


def _code(block: bytes) -> str:
    try:
        return code_of(block)
    except ValueError:
        _refuse(StatusWord.WRONG_DATA)


def _secret(image: CardImage, which: _Which) -> SecretCode:
    # Another process may have taken the PIN away between two steps.
    return (image.pin if which == "pin" else image.puk) or _refuse(StatusWord.CONDITIONS_NOT_SATISFIED)


def _with(image: CardImage, which: _Which, secret: SecretCode) -> CardImage:
    return replace(image, pin=secret) if which == "pin" else replace(image, puk=secret)


def _with_try_taken(image: CardImage, which: _Which) -> CardImage:
    secret = _secret(image, which)
    if not secret.tries_left:
        _refuse(StatusWord.AUTHENTICATION_BLOCKED)
    return _with(image, which, secret.with_try_taken())
