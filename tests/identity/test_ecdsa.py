"""Raw P-256 signatures: 64 bytes that the key's holder alone can make."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from nhicard.identity import ecdsa
from nhicard.identity.certificates import new_key

KEY = new_key()
PUBLIC = KEY.public_key()
MESSAGE = "就醫 0001".encode()
SIGNATURE = ecdsa.sign(KEY, MESSAGE)


@given(message=st.binary(max_size=300))
def test_what_is_signed_verifies_here_and_with_the_library_itself(message: bytes) -> None:
    signature = ecdsa.sign(KEY, message)
    assert len(signature) == ecdsa.LENGTH
    assert ecdsa.is_signed(PUBLIC, message, signature)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    PUBLIC.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))  # raises where it does not


@given(bit=st.integers(0, 8 * ecdsa.LENGTH - 1))
def test_a_flipped_bit_of_the_signature_is_seen(bit: int) -> None:
    assert not ecdsa.is_signed(PUBLIC, MESSAGE, _flipped(SIGNATURE, bit))


@given(bit=st.integers(0, 8 * len(MESSAGE) - 1))
def test_a_flipped_bit_of_the_message_is_seen(bit: int) -> None:
    assert not ecdsa.is_signed(PUBLIC, _flipped(MESSAGE, bit), SIGNATURE)


@given(noise=st.binary(max_size=130) | st.binary(min_size=64, max_size=64))
def test_noise_is_no_signature_and_no_error(noise: bytes) -> None:
    assert not ecdsa.is_signed(PUBLIC, MESSAGE, noise)


def test_neither_zeros_nor_the_order_pass() -> None:
    order = bytes.fromhex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")
    for half in (bytes(32), order, b"\xff" * 32):
        assert not ecdsa.is_signed(PUBLIC, MESSAGE, half * 2)


def test_another_key_did_not_sign() -> None:
    assert not ecdsa.is_signed(new_key().public_key(), MESSAGE, SIGNATURE)


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
