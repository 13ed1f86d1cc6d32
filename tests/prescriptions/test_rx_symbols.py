"""One content over several QR codes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.prescriptions.making import signed

from nhicard.prescriptions import symbols, writing
from nhicard.prescriptions.reasons import Refused

#: The examples of RFC 9285.
RFC_9285 = {b"AB": "BB8", b"Hello!!": "%69 VD92EX0", b"base-45": "UJCLQE7W581", b"ietf!": "QED8WEX0"}


@pytest.mark.parametrize("content", RFC_9285)
def test_base45_is_that_of_the_rfc(content: bytes) -> None:
    assert symbols._base45(content) == RFC_9285[content]
    assert symbols._of_base45(RFC_9285[content]) == content


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=3000), st.randoms())
def test_the_parts_give_the_content_back_in_any_order(content: bytes, rng: object) -> None:
    texts = symbols.split(content)
    rng.shuffle(texts)  # type: ignore[attr-defined]
    assert symbols.join([*texts, texts[0], "https://example.org"]) == content
    assert all(len(text) <= symbols.CAPACITY and text == text.strip() for text in texts)


def test_a_full_symbol_fits_the_chosen_size_of_code() -> None:
    import segno

    text = "A" * symbols.CAPACITY
    made = segno.make_qr(
        text, version=writing.VERSION, error=writing.CORRECTION, mode="alphanumeric", boost_error=False
    )
    assert made.symbol_size(border=writing.QUIET)[0] * writing.MODULE_MM == writing.WIDTH_MM
    assert writing.MODULE_MM >= 0.4


def refused(texts: list[str]) -> str:
    with pytest.raises(Refused) as caught:
        symbols.join(texts)
    return caught.value.reason.code


def test_what_is_missing_is_named() -> None:
    texts = symbols.split(signed().content())
    assert len(texts) > 1
    with pytest.raises(Refused) as caught:
        symbols.join(texts[1:])
    assert caught.value.reason.code == "symbols_missing"
    assert caught.value.reason.sentence("zh").startswith("二維條碼不齊全：2")


def test_two_prescriptions_are_not_mixed() -> None:
    one, other = (symbols.split(signed(seed).content()) for seed in (1, 2))
    assert refused([*one, *other]) == "several"
    assert refused([one[0], *other[1:]]) == "symbols_missing"


def test_a_part_put_under_another_digest_is_noticed() -> None:
    one, other = (symbols.split(signed(seed).content()) for seed in (1, 2))
    assert len(one) == len(other)
    head = "/".join(one[0].split("/")[:4])
    body = other[0].split("/", 4)[4]
    assert refused([f"{head}/{body}", *one[1:]]) == "damaged"
    assert refused([f"{head}/{body}", *one]) == "damaged"


def test_other_codes_are_no_prescription() -> None:
    assert refused([]) == "no_symbol"
    assert refused(["https://example.org", "NHIRX1/1/1/00/A"]) in ("no_symbol", "unknown_version")
    assert refused(["NHIRX2/1/1/000000000000/ABC"]) == "unknown_version"


def test_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="太長"):
        symbols.split(bytes(range(256)) * 30)
