"""Cards for tests: only a service that is told to (NHICARD_TEST_CARDS) issues them, and never for real persons.

The key pair is made where the card lives; only the public key comes here.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from django.conf import settings
from django.db import transaction

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.identity import certificates, national_id, virtual_token
from nhicard.identity.certificates import Role, Subject
from nhicard.identity.virtual_token import Setting
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.services.security_modules import new_number
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import (
    Contract,
    HealthCard,
    Institution,
    InsuredPerson,
    Kind,
    Profession,
    SecurityModule,
    StaffCard,
    StaffMember,
)

_VALID_FOR: Final = timedelta(days=5 * 365)


class CardWish(Protocol):
    """What a test asks for; blanks where a kind has no such fact."""

    kind: str
    publicKey: str
    hospitalId: str
    hospitalName: str
    hospitalKind: str
    idNo: str
    name: str
    birthday: str
    sex: str
    profession: str
    guardianIdNo: str
    representative: bool


@transaction.atomic
def issue(wish: CardWish, now: datetime) -> dict[str, Any]:
    """A test card (kind SAM, HC, HPC or VHC) with its certificate; registers whom it names. Raises Refused 1706."""
    _require_tests()
    makers = {"SAM": _sam, "HC": _health_card, "VHC": _virtual_card, "HPC": _staff_card}
    if wish.kind not in makers:
        raise Refused(1706, "kind")
    return makers[wish.kind](wish, _public_key(wish.publicKey), now)


@transaction.atomic
def virtual_token_for_test(*, sex: str, birthday: str, foreigner: bool, now: datetime) -> dict[str, Any]:
    """A QR code of a made-up patient with a virtual card. Raises Refused 1706."""
    _require_tests()
    stem = secrets.choice("ABCDEFGH") + _second_character(sex, foreigner=foreigner) + f"{secrets.randbelow(10**7):07}"
    person = InsuredPerson.objects.create(
        id_no=national_id.with_check_digit([stem])[0],
        name="測試病患",
        sex=sex,
        birthday=_day(birthday, "birthday"),
    )
    key = certificates.new_key()
    card = _new_card(person, key.public_key(), now, is_virtual=True)
    return {"qrCode": virtual_token.make(key, card.number, Setting.ON_SITE, now), "cardId": card.number}


def _sam(wish: CardWish, key: ec.EllipticCurvePublicKey, now: datetime) -> dict[str, Any]:
    institution = _institution(wish)
    subject = Subject(Role.SAM, new_number("S"), institution=institution.code)
    pem = _certificate(key, subject, now)
    SecurityModule.objects.create(
        number=subject.number, institution=institution, certificate=pem, is_test=True, issued_on=now.date()
    )
    return {"number": subject.number, "certificate": pem}


def _staff_card(wish: CardWish, key: ec.EllipticCurvePublicKey, now: datetime) -> dict[str, Any]:
    if wish.profession and wish.profession not in Profession.values:
        raise Refused(1706, "profession")
    staff, _ = StaffMember.objects.get_or_create(
        id_no=_id_no(wish.idNo), defaults={"name": wish.name, "profession": wish.profession or Profession.PHYSICIAN}
    )
    subject = Subject(Role.STAFF_CARD, new_number("P"), person=staff.id_no, profession=staff.profession)
    pem = _certificate(key, subject, now)
    StaffCard.objects.create(number=subject.number, staff=staff, certificate=pem, is_test=True, issued_on=now.date())
    if wish.representative:
        institution = _institution(wish)
        institution.representative = staff
        institution.save(update_fields=["representative"])
    return {"number": subject.number, "certificate": pem}


def _health_card(wish: CardWish, key: ec.EllipticCurvePublicKey, now: datetime) -> dict[str, Any]:
    card = _new_card(_person(wish), key, now, is_virtual=False)
    return {"number": card.number, "certificate": card.certificate}


def _virtual_card(wish: CardWish, key: ec.EllipticCurvePublicKey, now: datetime) -> dict[str, Any]:
    guardian = None
    if wish.guardianIdNo:
        guardian = InsuredPerson.objects.filter(id_no=wish.guardianIdNo).first()
        if guardian is None:
            raise Refused(1706, "guardianIdNo")
    card = _new_card(_person(wish), key, now, is_virtual=True, guardian=guardian)
    return {"number": card.number, "certificate": card.certificate}


def _new_card(
    person: InsuredPerson,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    *,
    is_virtual: bool,
    guardian: InsuredPerson | None = None,
) -> HealthCard:
    role = Role.VIRTUAL_CARD if is_virtual else Role.PATIENT_CARD
    subject = Subject(role, new_number("V" if is_virtual else "0"), person=person.id_no)
    return HealthCard.objects.create(
        number=subject.number,
        person=person,
        certificate=_certificate(key, subject, now),
        is_virtual=is_virtual,
        guardian=guardian,
        is_test=True,
        issued_on=now.date(),
        uses_left=policy.USES_AFTER_UPDATE,
        valid_until=now.date() + policy.VALIDITY_AFTER_UPDATE,
    )


def _certificate(key: ec.EllipticCurvePublicKey, subject: Subject, now: datetime) -> str:
    certificate = authority().certify(key, subject, now - timedelta(minutes=5), now + _VALID_FOR)
    return certificate.public_bytes(Encoding.PEM).decode()


def _institution(wish: CardWish) -> Institution:
    if wish.hospitalKind and wish.hospitalKind not in Kind.values:
        raise Refused(1706, "hospitalKind")
    if len(wish.hospitalId) != 10:
        raise Refused(1706, "hospitalId")
    name = wish.hospitalName or f"測試院所 {wish.hospitalId}"
    institution, made = Institution.objects.get_or_create(
        code=wish.hospitalId,
        defaults={"name": name, "short_name": name[:20], "kind": wish.hospitalKind or Kind.CLINIC, "division": 1},
    )
    if made:
        Contract.objects.create(institution=institution, valid_from=date(2020, 1, 1))
    return institution


def _person(wish: CardWish) -> InsuredPerson:
    if wish.sex not in ("M", "F"):
        raise Refused(1706, "sex")
    person, _ = InsuredPerson.objects.get_or_create(
        id_no=_id_no(wish.idNo),
        defaults={"name": wish.name, "sex": wish.sex, "birthday": _day(wish.birthday, "birthday")},
    )
    return person


def _id_no(text: str) -> str:
    if not national_id.is_valid_id(text):
        raise Refused(1706, "idNo")
    return text


def _day(text: str, key: str) -> date:
    try:
        return rocdate.parse_date(text)
    except ValueError:
        raise Refused(1706, key) from None


def _second_character(sex: str, *, foreigner: bool) -> str:
    if sex not in ("M", "F"):
        raise Refused(1706, "sex")
    return {("M", False): "1", ("F", False): "2", ("M", True): "8", ("F", True): "9"}[sex, foreigner]


def _public_key(pem: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise Refused(1706, "publicKey") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refused(1706, "publicKey")
    return key


def _require_tests() -> None:
    if not settings.TEST_CARDS:
        raise Refused(1701, "test cards are not issued here")
