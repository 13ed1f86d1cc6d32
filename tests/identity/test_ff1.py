"""FF1 against the nine samples that NIST publishes with SP 800-38G, and as a permutation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.identity.ff1 import FF1

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = "2B7E151628AED2A6ABF7158809CF4F3C" + "EF4359D8D580AA4F" + "7F036D6F04FC6A94"
# (AES key bits, radix, tweak, plain, cipher): samples 1 to 9
SAMPLES = [
    (128, 10, "", "0123456789", "2433477484"),
    (128, 10, "39383736353433323130", "0123456789", "6124200773"),
    (128, 36, "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (192, 10, "", "0123456789", "2830668132"),
    (192, 10, "39383736353433323130", "0123456789", "2496655549"),
    (192, 36, "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
    (256, 10, "", "0123456789", "6657667009"),
    (256, 10, "39383736353433323130", "0123456789", "1001623463"),
    (256, 36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
]


def numerals(text: str) -> np.ndarray:
    return np.array([[ALPHABET.index(character) for character in text]], np.uint8)


@pytest.mark.parametrize(("bits", "radix", "tweak", "plain", "cipher"), SAMPLES)
def test_samples_of_nist(bits: int, radix: int, tweak: str, plain: str, cipher: str) -> None:
    ff1 = FF1(bytes.fromhex(KEY)[: bits // 8], radix=radix, length=len(plain), tweak=bytes.fromhex(tweak))
    assert "".join(ALPHABET[n] for n in ff1.encrypt(numerals(plain))[0]) == cipher
    assert "".join(ALPHABET[n] for n in ff1.decrypt(numerals(cipher))[0]) == plain


@given(st.data(), st.integers(6, 20), st.integers(10, 36), st.binary(max_size=24), st.binary(min_size=32, max_size=32))
def test_decryption_inverts_encryption_row_by_row(
    data: st.DataObject, length: int, radix: int, tweak: bytes, key: bytes
) -> None:
    rows = data.draw(st.lists(st.lists(st.integers(0, radix - 1), min_size=length, max_size=length), max_size=4))
    plain = np.array(rows, np.uint8).reshape(-1, length)
    ff1 = FF1(key, radix=radix, length=length, tweak=tweak)
    cipher = ff1.encrypt(plain)
    assert (ff1.decrypt(cipher) == plain).all()
    for row, alone in zip(cipher, plain, strict=True):
        assert (ff1.encrypt(alone[None])[0] == row).all()


@pytest.mark.parametrize(
    ("radix", "length", "reason"),
    [(10, 5, "too few"), (36, 21, "64-bit"), (300, 20, "too few"), (10, 40, "64-bit")],
)
def test_domains_that_it_cannot_serve_are_refused(radix: int, length: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        FF1(bytes(16), radix=radix, length=length)


def test_strings_of_another_shape_or_radix_are_refused() -> None:
    ff1 = FF1(bytes(16), radix=10, length=8)
    with pytest.raises(ValueError, match="strings of 8"):
        ff1.encrypt(np.zeros((1, 9), np.uint8))
    with pytest.raises(ValueError, match="not below the radix"):
        ff1.encrypt(np.full((1, 8), 10, np.uint8))
