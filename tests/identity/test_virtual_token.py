"""The token of a virtual card: five minutes, one card, recognisable without a network."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from nhicard.identity import certificates, ecdsa, virtual_token
from nhicard.identity.certificates import CertificateRefused, Fault, Role, Subject
from nhicard.identity.virtual_token import BasicData, Reason, Setting, Token, TokenRefused

NOW = datetime(2026, 3, 2, 9, 30, 15)
YEAR = timedelta(days=365)
CARD = "V00000000001"
KEY = certificates.new_key()
ROOT_KEY = certificates.new_key()
ROOT = certificates.make_root(ROOT_KEY, NOW - YEAR, NOW + 30 * YEAR)
HOLDER = Subject(Role.VIRTUAL_CARD, CARD, person="A123456789")
BASIC = BasicData("測試病患甲", "0790101", "M")


def certificate_for(subject: Subject = HOLDER, until: datetime = NOW + YEAR) -> Any:
    return certificates.issue(ROOT_KEY, ROOT, KEY.public_key(), subject, NOW - YEAR, until)


CERTIFICATE = certificate_for()
ON_SITE = virtual_token.make(KEY, CARD, Setting.ON_SITE, NOW)
HOME_CARE = virtual_token.make(KEY, CARD, Setting.HOME_CARE, NOW, certificate=CERTIFICATE, basic=BASIC)


def reason(text: str, now: datetime = NOW) -> Reason:
    with pytest.raises(TokenRefused) as refused:
        virtual_token.require_genuine(virtual_token.read(text), KEY.public_key(), now)
    return refused.value.reason


def claiming(**claims: Any) -> str:
    """A token that the card's key signed, whatever it claims."""
    return _signed(json.dumps({"c": CARD, "s": "on-site", "t": _seconds(NOW), "n": "x"} | claims).encode())


def _signed(content: bytes) -> str:
    signed = virtual_token.PREFIX + _encode(content)
    return f"{signed}.{_encode(ecdsa.sign(KEY, signed.encode()))}"


def _encode(content: bytes | bytearray) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _seconds(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, 8)).total_seconds())


@pytest.mark.parametrize("setting", Setting)
def test_a_token_is_read_as_it_was_made(setting: Setting) -> None:
    token = virtual_token.read(virtual_token.make(KEY, CARD, setting, NOW))
    assert (token.card, token.setting, token.issued) == (CARD, setting, NOW)
    assert (token.certificate, token.basic) == (None, None)
    virtual_token.require_genuine(token, KEY.public_key(), NOW)


def test_no_two_tokens_are_alike() -> None:
    tokens = [virtual_token.read(virtual_token.make(KEY, CARD, Setting.ON_SITE, NOW)) for _ in range(50)]
    assert len({token.nonce for token in tokens}) == len({token.signed for token in tokens}) == 50


def test_a_token_fits_a_qr_code() -> None:
    assert len(ON_SITE) < 300
    assert len(HOME_CARE) < 1300, "a QR code of version 25 with medium correction holds 1,000 to 1,300"


@pytest.mark.parametrize(
    ("age", "good"),
    [
        (timedelta(0), True),
        (timedelta(minutes=5), True),
        (timedelta(minutes=5, seconds=1), False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, seconds=-1), False),
    ],
    ids=str,
)
def test_a_token_lives_for_five_minutes(age: timedelta, good: bool) -> None:
    if good:
        virtual_token.require_genuine(virtual_token.read(ON_SITE), KEY.public_key(), NOW + age)
    else:
        assert reason(ON_SITE, NOW + age) is Reason.TIMED_OUT


def test_another_cards_key_did_not_make_it() -> None:
    with pytest.raises(TokenRefused, match="not signed"):
        virtual_token.require_genuine(virtual_token.read(ON_SITE), certificates.new_key().public_key(), NOW)


@given(data=st.data())
def test_a_flipped_bit_in_claims_or_signature_is_refused(data: st.DataObject) -> None:
    _, claims, signature = ON_SITE.split(".")
    place = data.draw(st.sampled_from([0, 1]))
    parts = [bytearray(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (claims, signature)]
    bit = data.draw(st.integers(0, 8 * len(parts[place]) - 1))
    parts[place][bit // 8] ^= 1 << bit % 8
    assert reason(".".join(["VHC1", *map(_encode, parts)])) in (Reason.FORGED, Reason.UNREADABLE)


@given(at=st.integers(5, len(ON_SITE) - 1), other=st.characters())
def test_another_spelling_of_the_claims_is_another_token(at: int, other: str) -> None:
    """Whoever sees a token may respell its signature, never what is signed: that is what is used up."""
    changed = ON_SITE[:at] + other + ON_SITE[at + 1 :]
    try:
        token = virtual_token.read(changed)
        virtual_token.require_genuine(token, KEY.public_key(), NOW)
    except TokenRefused:
        return
    assert token.signed == virtual_token.read(ON_SITE).signed


@given(
    text=st.text()
    | st.text().map(lambda text: f"VHC1.{text}.")
    | st.binary().map(lambda noise: f"VHC1.{_encode(noise)}.x")
)
def test_noise_is_refused_and_nothing_else_happens(text: str) -> None:
    assert reason(text) in Reason


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("cstnxb"), inner, max_size=4),
    max_leaves=8,
)


@given(claims=_JSON)
def test_signed_nonsense_is_refused_and_nothing_else_happens(claims: Any) -> None:
    assert reason(_signed(json.dumps(claims).encode())) in Reason


@given(name=st.sampled_from(["c", "s", "t", "n", "x", "b"]), value=_JSON)
def test_a_claim_of_any_kind_is_read_or_refused(name: str, value: Any) -> None:
    try:
        token = virtual_token.read(claiming(**{name: value}))
    except TokenRefused:
        return
    assert isinstance(token, Token)
    assert isinstance(token.card, str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Reason.NOT_A_TOKEN),
        ("https://example.org/", Reason.NOT_A_TOKEN),
        ("VHC2" + ON_SITE[4:], Reason.NOT_A_TOKEN),
        (ON_SITE + ".x", Reason.NOT_A_TOKEN),
        ("VHC1." + "A" * 4096 + ".A", Reason.NOT_A_TOKEN),
        ("VHC1..", Reason.UNREADABLE),
        (_signed(b"[" * 2000), Reason.UNREADABLE),
        (claiming(s="by post"), Reason.UNREADABLE),
        (claiming(t=10**20), Reason.UNREADABLE),
        (claiming(b=["name"]), Reason.UNREADABLE),
        (claiming(x="AAAA"), Reason.UNREADABLE),
        (ON_SITE.rpartition(".")[0] + ".", Reason.FORGED),
    ],
    ids=["nothing", "another code", "another version", "four parts", "too long", "no parts", "nested", "setting",
         "time", "basic data", "certificate", "no signature"],
)  # fmt: skip
def test_what_is_wrong_with_a_token_is_told(text: str, expected: Reason) -> None:
    assert reason(text) is expected


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_certificate_with_any_changed_bit_is_unreadable_or_unknown() -> None:
    """Including versions that the library refuses in its own way. The key's holder signs whatever certificate."""
    content = CERTIFICATE.public_bytes(Encoding.DER)
    for bit in range(8 * len(CERTIFICATE.tbs_certificate_bytes)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        text = claiming(x=base64.b64encode(changed).decode(), b=["測試病患甲", "0790101", "M"])
        with pytest.raises((TokenRefused, CertificateRefused)):
            virtual_token.recognise_offline(virtual_token.read(text), ROOT, NOW)


def test_home_care_is_recognised_without_a_network() -> None:
    token = virtual_token.read(HOME_CARE)
    assert virtual_token.recognise_offline(token, ROOT, NOW) == HOLDER
    assert token.basic == BASIC


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        (ON_SITE, NOW, Reason.UNREADABLE),
        (claiming(x=base64.b64encode(CERTIFICATE.public_bytes(Encoding.DER)).decode()), NOW, Reason.UNREADABLE),
        (HOME_CARE, NOW + timedelta(minutes=6), Reason.TIMED_OUT),
        (virtual_token.make(certificates.new_key(), CARD, Setting.HOME_CARE, NOW, certificate=CERTIFICATE, basic=BASIC),
         NOW, Reason.FORGED),
        (virtual_token.make(KEY, "V00000000002", Setting.HOME_CARE, NOW, certificate=CERTIFICATE, basic=BASIC),
         NOW, Reason.FORGED),
        (virtual_token.make(KEY, CARD, Setting.HOME_CARE, NOW, basic=BASIC,
                            certificate=certificate_for(Subject(Role.STAFF_CARD, CARD, person="A123456789"))),
         NOW, Reason.FORGED),
    ],
    ids=["no certificate", "no basic data", "too old", "another key", "another card", "a staff card"],
)  # fmt: skip
def test_what_is_not_recognised(text: str, now: datetime, expected: Reason) -> None:
    with pytest.raises(TokenRefused) as refused:
        virtual_token.recognise_offline(virtual_token.read(text), ROOT, now)
    assert refused.value.reason is expected


def test_an_expired_virtual_card_is_not_recognised() -> None:
    expired = certificate_for(until=NOW - timedelta(seconds=1))
    text = virtual_token.make(KEY, CARD, Setting.HOME_CARE, NOW, certificate=expired, basic=BASIC)
    with pytest.raises(CertificateRefused) as refused:
        virtual_token.recognise_offline(virtual_token.read(text), ROOT, NOW)
    assert refused.value.fault is Fault.EXPIRED
