"""The signature block: nobody else can make one, move a part of it or change a fact in it."""

from __future__ import annotations

import base64
from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.identity import signature_block
from nhicard.identity.certificates import new_key
from nhicard.identity.signature_block import Block, BlockRefused, Part, PinState, Reason

AT = datetime(2026, 3, 2, 9, 30, 15)
SERVICE = "03"
BLOCK = Block("0f" * 16, "3501200000", "S00000000001", "H00000000001", "A123456789", "P00000000001", "B100000002")
SECRET = bytes(range(32))
KEYS = [new_key() for _ in range(3)]
MESSAGE = BLOCK.message(SERVICE, AT)
PARTS = [
    signature_block.sign_part(key, MESSAGE, state)
    for key, state in zip(KEYS, (PinState.NOT_SET, PinState.NOT_SET, PinState.VERIFIED), strict=True)
]
PACKED = signature_block.pack(AT, PARTS)
VIRTUAL = signature_block.session_part(SECRET, MESSAGE)


def verify(block: Block, signature: str, service: str = SERVICE) -> None:
    """As the data centre does it: time and parts from the signature, every part against its holder's key."""
    at, parts = signature_block.unpack(signature)
    if len(parts) != len(KEYS):
        raise BlockRefused(Reason.MALFORMED)
    for key, part in zip(KEYS, parts, strict=True):
        signature_block.require_signed(key.public_key(), block.message(service, at), part)


def reason(block: Block, signature: str, service: str = SERVICE) -> Reason:
    with pytest.raises(BlockRefused) as refused:
        verify(block, signature, service)
    return refused.value.reason


def test_a_block_comes_back_as_it_was_packed() -> None:
    assert signature_block.unpack(PACKED) == (AT, PARTS)
    verify(BLOCK, PACKED)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_part_takes_65_bytes_and_the_time_four(count: int) -> None:
    packed = signature_block.pack(AT, PARTS[:count])
    assert len(base64.b64decode(packed)) == 4 + 65 * count
    assert signature_block.unpack(packed) == (AT, PARTS[:count])


@given(bit=st.integers(0, 8 * (4 + 3 * 65) - 1))
def test_a_flipped_bit_anywhere_in_time_states_or_signatures_is_refused(bit: int) -> None:
    content = bytearray(base64.b64decode(PACKED))
    content[bit // 8] ^= 1 << bit % 8
    assert reason(BLOCK, base64.b64encode(content).decode()) in (Reason.FORGED, Reason.MALFORMED)


@given(data=st.data())
def test_a_flipped_bit_in_any_fact_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([field.name for field in fields(Block)]))
    fact = bytearray(getattr(BLOCK, name).encode())
    bit = data.draw(st.integers(0, 7 * len(fact) - 1))
    fact[bit // 7] ^= 1 << bit % 7  # stays ASCII
    assert reason(replace(BLOCK, **{name: fact.decode()}), PACKED) is Reason.FORGED


@given(bit=st.integers(0, 8 * 65 - 1))
def test_a_flipped_bit_in_a_virtual_cards_part_is_refused(bit: int) -> None:
    content = bytearray(bytes([VIRTUAL.state]) + VIRTUAL.signature)
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BlockRefused, match="forged"):
        signature_block.require_session(SECRET, MESSAGE, Part(content[0], bytes(content[1:])))


def test_a_virtual_cards_part_belongs_to_its_session_and_message() -> None:
    signature_block.require_session(SECRET, MESSAGE, VIRTUAL)
    for secret, message in ((SECRET[::-1], MESSAGE), (SECRET, BLOCK.message("04", AT))):
        with pytest.raises(BlockRefused, match="forged"):
            signature_block.require_session(secret, message, VIRTUAL)


def test_facts_do_not_run_into_one_another() -> None:
    shifted = replace(BLOCK, hospitalId=BLOCK.hospitalId + "S", samId=BLOCK.samId[1:])
    assert shifted.message(SERVICE, AT) != MESSAGE
    quoting = replace(BLOCK, hospitalId='1","2', samId="3")
    assert quoting.message(SERVICE, AT) != replace(BLOCK, hospitalId="1", samId='2","3').message(SERVICE, AT)


def test_a_block_serves_one_kind_of_service() -> None:
    assert reason(BLOCK, PACKED, "02") is Reason.FORGED


def test_parts_do_not_change_places() -> None:
    assert reason(BLOCK, signature_block.pack(AT, PARTS[::-1])) is Reason.FORGED


def test_the_time_counts_to_the_second() -> None:
    assert BLOCK.message(SERVICE, AT + timedelta(microseconds=999_999)) == MESSAGE
    assert BLOCK.message(SERVICE, AT + timedelta(seconds=1)) != MESSAGE


@given(text=st.text() | st.binary(max_size=300).map(lambda noise: base64.b64encode(noise).decode()))
def test_noise_is_refused_and_nothing_else_happens(text: str) -> None:
    assert reason(BLOCK, text) in Reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AAAA",
        PACKED[:-4],
        PACKED + PACKED,
        PACKED + "\n",
        " " + PACKED,
        PACKED.replace("=", ""),
        "\ud800",
        base64.b64encode(base64.b64decode(PACKED)[:4]).decode(),
        signature_block.pack(AT, [*PARTS, PARTS[0]]),
        signature_block.pack(AT, [Part(3, PARTS[0].signature)]),
    ],
    ids=[
        "empty",
        "time cut",
        "cut",
        "twice",
        "line end",
        "blank",
        "no padding",
        "surrogate",
        "no part",
        "four",
        "state 3",
    ],
)
def test_malformed_signatures(text: str) -> None:
    with pytest.raises(BlockRefused, match="malformed"):
        signature_block.unpack(text)


@given(spare=st.integers(1, 15))
def test_a_signature_has_one_spelling(spare: int) -> None:
    """Of base64's padding bits, that say nothing, none may be set: who sees a block cannot write it another way."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert PACKED.endswith("==")
    other = PACKED[:-3] + alphabet[alphabet.index(PACKED[-3]) + spare] + "=="
    assert base64.b64decode(other) == base64.b64decode(PACKED)
    assert reason(BLOCK, other) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(hours=1), None),
        (timedelta(hours=1, seconds=1), Reason.TOO_OLD),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, seconds=-1), Reason.FROM_THE_FUTURE),
    ],
    ids=str,
)
def test_a_block_is_fresh_for_its_age(age: timedelta, expected: Reason | None) -> None:
    if expected is None:
        signature_block.require_fresh(AT, AT + age, timedelta(hours=1))
        return
    with pytest.raises(BlockRefused) as refused:
        signature_block.require_fresh(AT, AT + age, timedelta(hours=1))
    assert refused.value.reason is expected
