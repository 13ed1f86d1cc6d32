"""How the world can stand before a call to the data centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.db.models import Model
from tests.insurer.datacentre.calls import APPLY, ASK, CODES, TIME, TRANSFER, decide, signed, take
from tests.insurer.desk import CLINIC, NOW, OTHER_CLINIC, PATIENT, PHYSICIAN, Card, Desk

from nhicard.identity import certificates
from nhicard.identity.certificates import Role
from nhicard.identity.keyring import KeyRing
from nhicard.insurer.datacentre import models as visits
from nhicard.insurer.datacentre.services import security_modules, taps
from nhicard.insurer.registry import authority
from nhicard.insurer.registry import models as registry

World = Callable[[Desk], Desk | None]
YEAR = timedelta(days=365)
YESTERDAY = date(2026, 3, 1)


def each(*worlds: World) -> World:
    """One after the other."""

    def arrange(desk: Desk) -> Desk:
        for world in worlds:
            desk = world(desk) or desk
        return desk

    return arrange


def card(**facts: Any) -> World:
    return lambda desk: _set(registry.HealthCard, {"number": desk.hc.number}, facts)


def person(**facts: Any) -> World:
    return lambda desk: _set(registry.InsuredPerson, {"id_no": PATIENT}, facts)


def institution(**facts: Any) -> World:
    return lambda desk: _set(registry.Institution, {"code": CLINIC}, facts)


def sam(**facts: Any) -> World:
    return lambda desk: _set(registry.SecurityModule, {"number": desk.sam.number}, facts)


def staff(**facts: Any) -> World:
    return lambda desk: _set(registry.StaffMember, {"id_no": PHYSICIAN}, facts)


def staff_card(**facts: Any) -> World:
    return lambda desk: _set(registry.StaffCard, {"number": desk.hpc.number}, facts)


def counter(year: int, last: int) -> World:
    def arrange(desk: Desk) -> None:
        whose = registry.HealthCard.objects.get(number=desk.hc.number)
        visits.SequenceCounter.objects.create(person=whose.person, year=year, last=last, is_virtual=whose.is_virtual)

    return arrange


def tapped(item: str = "01") -> World:
    def arrange(desk: Desk) -> None:
        assert desk.tap(item)["statusCode"] in (0, taps.NO_IDENTIFIER)

    return arrange


def rolled_back(desk: Desk) -> None:
    assert desk.roll_back(TIME)["statusCode"] == 0


def coded(desk: Desk) -> None:
    path, body = signed(CODES, "SAM HC", "02", treatmentDateTime=TIME, mainCode="J069")(desk)
    assert desk.post(path, body)["statusCode"] == 0


def elsewhere(desk: Desk) -> Desk:
    return desk.elsewhere()


def later(**span: float) -> World:
    return lambda desk: desk.later(**span)


def virtual(desk: Desk) -> Desk:
    """The patient's virtual card, its QR code scanned."""
    return desk.insert(_phone_card(desk))


def carried(desk: Desk) -> Desk:
    """The patient's virtual card, still in the phone only."""
    return desk.with_cards(hc=_phone_card(desk))


def certificate_of(who: str, since: timedelta, until: timedelta, role: Role | None = None) -> World:
    """Another certificate for the same key, valid from ... until ..., counted from now."""

    def arrange(desk: Desk) -> None:
        key, old, holder = _holder(desk, who)
        subject = replace(certificates.subject_of(old), **({"role": role} if role else {}))
        new = authority.authority().certify(key, subject, NOW + since, NOW + until)
        holder.certificate = new.public_bytes(Encoding.PEM).decode()
        holder.save()

    return arrange


def self_certified(who: str) -> World:
    """A certificate that another root signed."""

    def arrange(desk: Desk) -> None:
        key, old, holder = _holder(desk, who)
        root_key = certificates.new_key()
        root = certificates.make_root(root_key, NOW - YEAR, NOW + YEAR)
        new = certificates.issue(root_key, root, key, certificates.subject_of(old), NOW - YEAR, NOW + YEAR)
        holder.certificate = new.public_bytes(Encoding.PEM).decode()
        holder.save()

    return arrange


def no_key_for_now(desk: Desk) -> None:
    """A key ring that begins tomorrow."""
    KeyRing.new(NOW + timedelta(days=1)).save(settings.HOME / "keys" / authority.KEYS)
    authority._load.cache_clear()


def without_identifier(desk: Desk) -> Desk:
    """A person whose number no identifier can hold."""
    _set(registry.InsuredPerson, {"id_no": PATIENT}, {"id_no": "X000000000"})
    return desk.with_cards(hc=replace(desk.hc, id_no="X000000000"))


def broken(desk: Desk) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of the program")

    desk.monkeypatch.setattr(taps, "next_number", fail)


def offered(desk: Desk) -> Desk:
    """A virtual card, offered to the institution's other readers."""
    desk = virtual(desk)
    assert desk.call(TRANSFER, "SAM HC", "01")["statusCode"] == 0
    return desk


def taken(desk: Desk) -> None:
    path, body = take(desk.next_door())
    assert desk.post(path, body)["statusCode"] == 0


def asked(desk: Desk) -> Desk:
    """The institution wishes to see by video the holder of a virtual card."""
    desk = carried(desk)
    assert desk.call(ASK, "SAM", "01", patientId=PATIENT)["statusCode"] == 0
    return desk


def decided(*, agreed: bool) -> World:
    def arrange(desk: Desk) -> None:
        path, body = decide(agreed=agreed)(desk)
        assert desk.post(path, body)["statusCode"] == 0

    return arrange


def applied(desk: Desk) -> None:
    assert desk.call(APPLY, "HPC", "01")["statusCode"] == 0


def approved(desk: Desk) -> None:
    security_modules.decide(visits.CloudSamApplication.objects.get(), approved=True)


def cloud(machine: str = "") -> World:
    """The SAM is one in the cloud, installed on the machine."""
    return each(certificate_of("sam", -YEAR, YEAR, Role.CLOUD_SAM), sam(is_cloud=True, machine=machine))


def at_the_same_second(desk: Desk) -> Desk:
    assert desk.elsewhere().tap()["statusCode"] == 0
    return desk


def suspended(desk: Desk) -> None:
    registry.Suspension.objects.create(
        institution=registry.Institution.objects.get(code=CLINIC), valid_from=YESTERDAY, valid_until=NOW.date()
    )


def out_of_contract(desk: Desk) -> None:
    registry.Contract.objects.filter(institution__code=CLINIC).update(valid_until=YESTERDAY)


def restricted(desk: Desk) -> None:
    desk.elsewhere()
    only = registry.Institution.objects.get(code=OTHER_CLINIC)
    registry.InsuredPerson.objects.filter(id_no=PATIENT).update(restricted_to=only)


def logged_out(desk: Desk) -> None:
    assert desk.call("/api/v1/VirtualHc/Logout", "SAM HC", "01")["statusCode"] == 0


def _phone_card(desk: Desk) -> Card:
    return desk.issue("VHC", idNo=PATIENT, sex="M", birthday="0790101")


def _set(model: type[Model], of: dict[str, Any], facts: dict[str, Any]) -> None:
    assert model._default_manager.filter(**of).update(**facts) == 1


def _holder(desk: Desk, who: str) -> tuple[ec.EllipticCurvePublicKey, x509.Certificate, Any]:
    """The public key, the present certificate and the register's row of one of the desk's cards."""
    models = {"sam": registry.SecurityModule, "hc": registry.HealthCard, "hpc": registry.StaffCard}
    outside: Card = getattr(desk, who)
    holder: Any = models[who]._default_manager.get(number=outside.number)
    return outside.key.public_key(), x509.load_pem_x509_certificate(holder.certificate.encode()), holder
