"""None of the forger's ways is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from tests.prescriptions.making import doctor, photographed, prescription, signed

from nhicard.bench.prescriptions import NOW, physician
from nhicard.identity import certificates, ecdsa, signature_block
from nhicard.identity.certificates import Role, Subject
from nhicard.identity.signature_block import PinState
from nhicard.prescriptions import Prescription, Signed, origin, reading, sign, symbols
from nhicard.prescriptions.reasons import Refused
from nhicard.prescriptions.signing import challenge

ROOT = doctor().root


def own_root() -> tuple[Any, x509.Certificate]:
    key = certificates.new_key()
    return key, certificates.make_root(key, NOW - timedelta(days=9), NOW + timedelta(days=9))


def changed(**header: str) -> Signed:
    found = signed()
    return replace(
        found, prescription=Prescription(dict(found.prescription.header) | header, found.prescription.orders)
    )


def more_drugs() -> Signed:
    found = signed()
    first = dict(found.prescription.orders[0]) | {"total": "999"}
    return replace(found, prescription=Prescription(found.prescription.header, [first]))


def certified(since: int, until: int, **subject: str) -> Signed:
    """Signed by a card of the root, of these days from now and this holder."""
    from nhicard.bench.prescriptions import made_root

    key, (root_key, root) = certificates.new_key(), made_root()
    facts = {"person": doctor().person, "profession": "physician"} | subject
    holder = Subject(Role(facts.pop("role", Role.STAFF_CARD)), "P00000000009", **facts)
    days = (NOW + timedelta(days=since), NOW + timedelta(days=until))
    certificate = certificates.issue(root_key, root, key.public_key(), holder, *days)
    return sign(
        prescription(), certificate, lambda told: signature_block.sign_challenge(key, told, PinState.VERIFIED).signature
    )


def without_pin() -> Signed:
    by = doctor()
    return sign(
        prescription(),
        by.certificate,
        lambda told: signature_block.sign_challenge(by.key, told, PinState.NOT_SET).signature,
    )


def moved_certificate() -> Signed:
    """Another certificate of the same key, put in place of the one that was signed with."""
    from nhicard.bench.prescriptions import made_root

    root_key, root = made_root()
    subject = Subject(Role.STAFF_CARD, "P00000000008", person=doctor().person, profession="physician")
    other = certificates.issue(
        root_key, root, doctor().key.public_key(), subject, NOW - timedelta(days=9), NOW + timedelta(days=9)
    )
    return replace(signed(), certificate=other)


def bare_signature() -> Signed:
    """The text signed alone, as by a program that has the key."""
    told, by = prescription(), doctor()
    return Signed(told, by.certificate, ecdsa.sign(by.key, challenge(told, by.certificate)))


FORGED: dict[str, tuple[Callable[[], Signed], str]] = {
    "another patient": (lambda: changed(patient_name="測試病患癸"), "forged"),
    "more days": (lambda: changed(days="7" if signed().prescription.header["days"] != "7" else "6"), "forged"),
    "more of a drug": (more_drugs, "forged"),
    "another's signature": (lambda: replace(signed(), signature=signed(2).signature), "forged"),
    "no signature": (lambda: replace(signed(), signature=bytes(64)), "forged"),
    "another's certificate": (lambda: replace(signed(), certificate=doctor(1).certificate), "forged"),
    "another certificate of the same key": (moved_certificate, "forged"),
    "the PIN not verified": (without_pin, "forged"),
    "not by a card": (bare_signature, "forged"),
    "another physician's card": (lambda: signed(by=doctor(1)), "other_physician"),
    "a root of one's own": (lambda: signed(by=physician(0, own_root())), "certificate_unknown"),
    "a certificate that had ended": (lambda: certified(-90, -30), "certificate_expired"),
    "a certificate not yet begun": (lambda: certified(30, 90), "certificate_early"),
    "a pharmacist": (lambda: certified(-9, 9, profession="pharmacist"), "not_a_physician"),
    "a patient's card": (lambda: certified(-9, 9, role=Role.PATIENT_CARD), "not_a_physician"),
    "signed before the visit": (lambda: signed(signed_at="20260101000000"), "signed_early"),
    "signed tomorrow": (lambda: signed(signed_at="20260303093015"), "signed_ahead"),
}


@pytest.mark.parametrize("way", FORGED)
def test_it_is_not_accepted_though_it_is_printed_well(way: str) -> None:
    make, code = FORGED[way]
    verdict = origin(reading.read([photographed(make(), 150)]), ROOT, NOW)
    assert [reason.code for reason in verdict.reasons] == [code]
    assert not verdict.is_accepted


def test_a_revoked_card_is_not_accepted() -> None:
    serial = doctor().certificate.serial_number
    assert origin(signed(), ROOT, NOW).is_accepted
    assert [each.code for each in origin(signed(), ROOT, NOW, {serial}).reasons] == ["certificate_revoked"]


def test_cut_and_pasted_codes_are_never_accepted() -> None:
    """Every mixture of the codes of two prescriptions, their heads left or made to fit."""
    one, other = (symbols.split(signed(seed).content()) for seed in (1, 2))
    heads = ["/".join(text.split("/")[:4]) for text in one]
    bodies = [[text.split("/", 4)[4] for text in texts] for texts in (one, other)]
    count = len(one)
    assert len(other) == count
    for choice in range(1, 2**count - 1):
        from_other = [bool(choice >> place & 1) for place in range(count)]
        pasted = [(other if stolen else one)[place] for place, stolen in enumerate(from_other)]
        fitted = [f"{heads[place]}/{bodies[stolen][place]}" for place, stolen in enumerate(from_other)]
        for texts in (pasted, fitted):
            with pytest.raises(Refused):
                symbols.join(texts)


def test_content_that_is_none_is_malformed() -> None:
    content = signed().content()
    wrong = {
        content[:1] + content[1:65] + content[65:-9]: "malformed",  # cut off
        content + b"more": "malformed",
        b"\x07" + content[1:]: "unknown_version",
        b"": "unknown_version",
        b"\x00" + content[1:65]: "malformed",
        b"\x00" + content[1:65] + b"\xff\xff": "malformed",
    }
    for each, code in wrong.items():
        with pytest.raises(Refused) as caught:
            Signed.of_content(each)
        assert caught.value.reason.code == code


def test_a_bomb_inside_the_code_is_malformed() -> None:
    import zlib

    packer = zlib.compressobj(9, wbits=-15)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    with pytest.raises(Refused) as caught:
        Signed.of_content(b"\x01" + bytes(64) + bomb)
    assert caught.value.reason.code == "malformed"
