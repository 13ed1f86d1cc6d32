"""Every refusal of the data centre: how the world stands, the call that is refused, the code that says why."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from tests.insurer.datacentre.calls import (
    ANSWER,
    APPLY,
    ASK,
    BASIC,
    BY_CARD,
    CODES,
    DIAGNOSES,
    DOWNLOAD,
    ISSUE,
    NEXT,
    NO_CARD,
    OLD_ORDERS,
    ORDER,
    ORDERS,
    PENDING,
    READ_QR,
    RECEIVE,
    ROLL_BACK,
    SAM_VERIFY,
    TEST_QR,
    TIME,
    TRANSFER,
    UPDATE,
    VERIFY_QR,
    Call,
    again,
    aged,
    answer,
    decide,
    download,
    early_qr,
    edited,
    flipped,
    mirrored,
    mirrored_qr,
    old_qr,
    phone,
    qr,
    repeated_by_phone,
    signed,
    take,
    tap,
    used_qr,
    without,
)
from tests.insurer.datacentre.worlds import (
    YEAR,
    YESTERDAY,
    World,
    applied,
    approved,
    asked,
    at_the_same_second,
    broken,
    card,
    carried,
    certificate_of,
    cloud,
    coded,
    counter,
    decided,
    each,
    elsewhere,
    institution,
    later,
    logged_out,
    no_key_for_now,
    offered,
    out_of_contract,
    person,
    restricted,
    rolled_back,
    sam,
    self_certified,
    staff,
    staff_card,
    suspended,
    taken,
    tapped,
    virtual,
    without_identifier,
)
from tests.insurer.desk import CLINIC, NOW, OTHER_CLINIC, PATIENT, PHYSICIAN, Card, Desk

from nhicard.identity import certificates
from nhicard.identity.certificates import Role
from nhicard.identity.signature_block import PinState
from nhicard.identity.virtual_token import Setting
from nhicard.insurer.registry.models import InsuranceStatus, Kind


@dataclass(frozen=True)
class Refusal:
    """One way to be refused."""

    code: int
    why: str
    call: Callable[[Desk], Call]
    world: World = lambda desk: None


R = Refusal
READ = signed(BASIC, "SAM HC", "01")
STAFF_READ = signed(DIAGNOSES, "SAM HC HPC", "01")
ISSUE_SAM = {"kind": "SAM", "publicKey": "none", "hospitalId": CLINIC}

ON_THE_WIRE = [
    R(1701, "unknown path", lambda d: ("/api/v1/Nothing/Here", {})),
    R(1701, "test cards where there are none", lambda d: (ISSUE, ISSUE_SAM),
      lambda d: setattr(settings, "TEST_CARDS", False)),
    R(1704, "no JSON", lambda d: (NEXT, "tap, please")),
    R(1704, "nested beyond reading", lambda d: (NEXT, "[" * 100_000)),
    R(1704, "300 KB", lambda d: (NEXT, " " * 300_000 + "{}")),
    R(1704, "a phone's message that is no base64",
      lambda d: (PENDING, {"cardSn": "1", "message": "?", "signature": ""})),
    R(1704, "a phone's message that is no JSON object",
      lambda d: (PENDING, {"cardSn": "1", "message": base64.b64encode(b"[]").decode(), "signature": ""})),
    R(1705, "nothing sent", lambda d: (NEXT, "")),
    R(1705, "a key missing", without("treatmentItem", tap())),
    R(1706, "a list for a text", tap(treatmentItem=["01"])),
    R(1706, "a control character in a text", tap(treatmentItem="0\x1f1")),
    R(1706, "test card of no such kind", lambda d: (ISSUE, ISSUE_SAM | {"kind": "SIM"})),
    R(1706, "test card without key", lambda d: (ISSUE, ISSUE_SAM)),
    R(1706, "afterCheck neither 1 nor 2", tap(afterCheck="3")),
]  # fmt: skip

BY_SIGNATURE = [
    R(3100, "no base64", edited(READ, lambda s: "?" + s)),
    R(3100, "no signature", edited(READ, lambda s: "")),
    R(3100, "a part too few", edited(READ, lambda s: base64.b64encode(base64.b64decode(s)[:-65]).decode())),
    R(3100, "one bit flipped", edited(READ, flipped)),
    R(3100, "base64 with other padding bits", edited(READ, lambda s: s[:-2] + chr(ord(s[-2]) + 1) + "=")),
    R(3100, "for another kind of service", signed(BASIC, "SAM HC", "03")),
    R(3100, "an hour and a second old", aged(hours=1, seconds=1)),
    R(3100, "more than five minutes ahead", aged(minutes=-5, seconds=-1)),
    R(3100, "without SAM", signed(BASIC, "HC", "01")),
    R(3100, "SAM of another root", READ, self_certified("sam")),
    R(3100, "SAM with the certificate of a staff card", READ, certificate_of("sam", -YEAR, YEAR, Role.STAFF_CARD)),
    R(3100, "patient card of another root", READ, self_certified("hc")),
    R(3245, "sent twice", again(READ)),
    R(3245, "sent again to another path", again(READ, path="/api/v1/BasicData/Register")),
    R(3245, "sent again, written in another genuine way", again(READ, mirrored)),
    R(3302, "unknown SAM", READ, lambda d: d.with_cards(sam=Card("S00000000000"))),
    R(1304, "SAM cancelled", READ, sam(revoked_at=NOW)),
    R(9061, "SAM's certificate past its end", READ, certificate_of("sam", -2 * YEAR, -YEAR)),
    R(9062, "SAM's certificate not yet begun", READ, certificate_of("sam", YEAR, 2 * YEAR)),
    R(1011, "SAM of another institution", READ, lambda d: replace(d, hospital=OTHER_CLINIC)),
    R(1011, "unknown institution", signed(APPLY, "HPC", "01"), lambda d: replace(d, hospital=OTHER_CLINIC)),
    R(1302, "out of contract", READ, out_of_contract),
    R(1302, "out of contract, without SAM", signed(APPLY, "HPC", "01"), out_of_contract),
    R(1303, "suspended", READ, suspended),
    R(1402, "no staff card", signed(DIAGNOSES, "SAM HC", "01")),
    R(1402, "staff card's PIN not verified",
      lambda d: (DIAGNOSES, d.block("SAM HC HPC", "01", hpc_state=PinState.NOT_SET))),
    R(1422, "staff card expired", STAFF_READ, certificate_of("hpc", -2 * YEAR, -YEAR)),
    R(1422, "staff card not yet valid", STAFF_READ, certificate_of("hpc", YEAR, 2 * YEAR)),
    R(1423, "staff card of another root", STAFF_READ, self_certified("hpc")),
    R(1423, "unknown staff card", STAFF_READ, lambda d: d.with_cards(hpc=Card("P00000000000", PHYSICIAN))),
    R(1423, "staff card of another person", STAFF_READ, lambda d: d.with_cards(hpc=replace(d.hpc, id_no=PATIENT))),
    R(1424, "staff card cancelled", STAFF_READ, staff_card(revoked_at=NOW)),
    R(1102, "no patient card", signed(BASIC, "SAM", "01")),
    R(9012, "unknown patient card", READ, lambda d: d.with_cards(hc=Card("H00000000000", PATIENT))),
    R(5020, "patient card of another person", READ, lambda d: d.with_cards(hc=replace(d.hc, id_no=PHYSICIAN))),
    R(3200, "patient card's PIN not verified",
      lambda d: (BASIC, d.block("SAM HC", "01", hc_state=PinState.NOT_VERIFIED))),
    R(3201, "patient card expired", READ, certificate_of("hc", -2 * YEAR, -YEAR)),
    R(3201, "patient card not yet valid", READ, certificate_of("hc", YEAR, 2 * YEAR)),
    R(3203, "patient card cancelled", READ, card(revoked_at=NOW)),
    R(1003, "test SAM, real patient card", READ, card(is_test=False)),
    R(1003, "test SAM, real staff card", STAFF_READ, staff_card(is_test=False)),
    R(3303, "virtual card never scanned", READ, lambda d: d.with_cards(hc=replace(carried(d).hc, secret=b"?"))),
    R(1703, "virtual card scanned an hour and a second ago", READ, each(virtual, later(hours=1, seconds=1))),
    R(3203, "virtual card cancelled", READ, each(virtual, card(revoked_at=NOW))),
    R(3100, "virtual card with another session's secret", READ,
      lambda d: d.with_cards(hc=replace(virtual(d).hc, secret=b"?"))),
]  # fmt: skip

AT_THE_TAP = [
    *(R(status.value, status.name, tap(), person(insurance_status=status)) for status in InsuranceStatus if status),
    R(1799, "a fault of the program", tap(), broken),
    R(1706, "no category", tap(treatmentItem="99")),
    R(1706, "a category that cancels", tap(treatmentItem="ZA")),
    R(3202, "no medical institution", tap(), institution(kind=Kind.NOT_MEDICAL)),
    R(1042, "virtual cards not taken", tap(), each(virtual, institution(takes_virtual_cards=False))),
    R(3205, "restricted to another institution", tap(), restricted),
    R(3206, "newborn mark, no newborn", tap(babyTreatment="1")),
    R(3207, "newborn 61 days old", tap(babyTreatment="1"), person(newborn_birthday=NOW.date() - timedelta(days=61))),
    R(5003, "card's validity over", tap(), card(valid_until=YESTERDAY)),
    R(3221, "more uses than there can be", tap(), card(uses_left=7)),
    R(3213, "no use left", tap(), card(uses_left=0)),
    R(3222, "sequence number 1500 given", tap(), counter(2026, 1500)),
    R(3222, "W999 given", tap(), each(virtual, counter(2026, 999))),
    R(3223, "counter of a year to come", tap(), counter(2027, 1)),
    R(3300, "no key for now", tap(), no_key_for_now),
    R(3236, "a second tap in the same second", tap(), tapped()),
    R(3236, "a tap in the second of an identifier without card", signed(NO_CARD, "SAM", "03", patientId=PATIENT),
      tapped()),
    R(3242, "a tap in the same second elsewhere", tap(), at_the_same_second),
    R(3202, "without card: no medical institution", signed(NO_CARD, "SAM", "03", patientId=PATIENT),
      institution(kind=Kind.NOT_MEDICAL)),
    R(3205, "without card: restricted", signed(NO_CARD, "SAM", "03", patientId=PATIENT), restricted),
    R(3228, "without card: not insured", signed(NO_CARD, "SAM", "03", patientId=PATIENT),
      person(insurance_status=InsuranceStatus.NOT_INSURED)),
    R(3204, "without card: no such number can be", signed(NO_CARD, "SAM", "03", patientId="A123456780")),
    R(3204, "no identifier for a number that cannot be", signed(BY_CARD, "SAM HC", "03", treatmentDateTime=TIME),
      each(without_identifier, tapped())),
    R(9081, "more than three uses left", signed(UPDATE, "SAM HC", "04"), card(uses_left=4)),
    R(3231, "update: withdrawn", signed(UPDATE, "SAM HC", "04"), person(insurance_status=3231)),
]  # fmt: skip

AFTER_THE_TAP = [
    R(1706, "no such moment", signed(ROLL_BACK, "SAM HC", "03", treatmentDateTime="1150230000000")),
    R(3208, "never tapped", signed(ROLL_BACK, "SAM HC", "03", treatmentDateTime=TIME)),
    R(3211, "tapped elsewhere", signed(ROLL_BACK, "SAM HC", "03", treatmentDateTime=TIME), each(tapped(), elsewhere)),
    R(3218, "24 hours and a second ago", signed(ROLL_BACK, "SAM HC", "03", treatmentDateTime=TIME),
      each(tapped(), later(hours=24, seconds=1))),
    R(3219, "a category without number", signed(ROLL_BACK, "SAM HC", "03", treatmentDateTime=TIME), tapped("AC")),
    R(3220, "rolled back before", signed(ROLL_BACK, "SAM HC", "03", treatmentDateTime=TIME),
      each(tapped(), rolled_back)),
    R(3208, "identifier: never tapped", signed(BY_CARD, "SAM HC", "03", treatmentDateTime=TIME)),
    R(3211, "identifier: tapped elsewhere", signed(BY_CARD, "SAM HC", "03", treatmentDateTime=TIME),
      each(tapped(), elsewhere)),
    R(3209, "codes written before", signed(CODES, "SAM HC", "02", treatmentDateTime=TIME, mainCode="J069"),
      each(tapped(), coded)),
    R(3227, "tapped in time, written as a late card",
      signed(CODES, "SAM HC", "02", treatmentDateTime=TIME, mainCode="J069", afterCheck="2"), tapped()),
    R(3501, "no ICD-10 code", signed(CODES, "SAM HC", "02", treatmentDateTime=TIME, mainCode="J06.9"), tapped()),
    R(3501, "no main code", signed(CODES, "SAM HC", "02", treatmentDateTime=TIME, mainCode="", subCode1="J069"),
      tapped()),
    R(3220, "codes for a visit rolled back", signed(CODES, "SAM HC", "02", treatmentDateTime=TIME, mainCode="J069"),
      each(tapped(), rolled_back)),
    R(3220, "orders for a visit rolled back",
      signed(ORDERS, "SAM HC", "02", treatmentDateTime=TIME, prescriptions=[ORDER]), each(tapped(), rolled_back)),
    R(3211, "orders for a visit elsewhere",
      signed(ORDERS, "SAM HC", "02", treatmentDateTime=TIME, prescriptions=[ORDER]), each(tapped(), elsewhere)),
    R(3227, "an order of another visit",
      signed(ORDERS, "SAM HC", "02", treatmentDateTime=TIME,
             prescriptions=[ORDER, ORDER | {"treatmentDateTime": "1150302093016"}]), tapped()),
    R(3300, "orders: no key for the visit",
      signed(ORDERS, "SAM HC", "02", treatmentDateTime=TIME, prescriptions=[ORDER]), each(tapped(), no_key_for_now)),
    R(3212, "diagnoses for a pharmacist", STAFF_READ, staff(profession="pharmacist")),
    R(3243, "orders for a nurse", signed(OLD_ORDERS, "SAM HC HPC", "01"), staff(profession="nurse")),
]  # fmt: skip

WITH_VIRTUAL_CARDS = [
    R(1042, "QR code where virtual cards are not taken", qr(VERIFY_QR),
      each(carried, institution(takes_virtual_cards=False))),
    R(1520, "no token", qr(VERIFY_QR, lambda token: "https://example.org/"), carried),
    R(1522, "no claims in it", qr(VERIFY_QR, lambda token: "VHC1.????." + token[-86:]), carried),
    R(1523, "signed by somebody else", qr(VERIFY_QR),
      lambda d: d.with_cards(hc=replace(carried(d).hc, key=certificates.new_key()))),
    R(1521, "shown more than five minutes ago", old_qr, carried),
    R(1521, "shown by a clock that is far ahead", early_qr, carried),
    R(1525, "used before", used_qr, carried),
    R(1525, "used before, written in another genuine way", mirrored_qr, carried),
    R(1525, "read after it was used", lambda d: (READ_QR, used_qr(d)[1]), carried),
    R(3241, "no such virtual card", qr(VERIFY_QR), lambda d: d.with_cards(hc=Card("V00000000000"))),
    R(3241, "the number of a plastic card", qr(VERIFY_QR)),
    R(3203, "virtual card cancelled", qr(VERIFY_QR), each(carried, card(revoked_at=NOW))),
    R(1524, "virtual card's certificate expired", qr(VERIFY_QR), each(carried, certificate_of("hc", -2 * YEAR, -YEAR))),
    R(1003, "a real virtual card at a test SAM", qr(VERIFY_QR), each(carried, card(is_test=False))),
    R(3303, "transfer of a plastic card", signed(TRANSFER, "SAM HC", "01")),
    R(1528, "nothing offered", signed(RECEIVE, "SAM", "01", transferToken="?")),
    R(1529, "taken by another reader", take, each(offered, taken)),
    R(1530, "offered in another institution", take, each(offered, elsewhere)),
    R(1531, "offered more than five minutes ago", take, each(offered, later(minutes=5, seconds=1))),
    R(1531, "logged out since", take, each(offered, logged_out)),
    R(1531, "cancelled since", take, each(offered, card(revoked_at=NOW))),
    R(1042, "telemedicine where virtual cards are not taken", signed(ASK, "SAM", "01", patientId=PATIENT),
      each(carried, institution(takes_virtual_cards=False))),
    R(3301, "telemedicine without virtual card", signed(ASK, "SAM", "01", patientId=PATIENT)),
    R(3237, "no such request", signed(ANSWER, "SAM", "01", accessToken="?")),
    R(3237, "another institution's request", answer, each(asked, elsewhere)),
    R(3238, "not answered for half an hour", answer, each(asked, later(minutes=30, seconds=1))),
    R(3239, "not answered yet", answer, asked),
    R(3240, "declined", answer, each(asked, decided(agreed=False))),
    R(3237, "decided before", decide(agreed=True), each(asked, decided(agreed=False))),
    R(3238, "decided too late", decide(agreed=True), each(asked, later(minutes=30, seconds=1))),
    R(1706, "neither yes nor no", decide(agreed="yes"), asked),
    R(1520, "agreed without token", decide(agreed=True, token=""), asked),
    R(1522, "agreed with a token for a visit on site", decide(agreed=True, setting=Setting.ON_SITE), asked),
]  # fmt: skip

BY_PHONE = [
    R(3241, "phone without virtual card", phone(PENDING)),
    R(3203, "phone of a cancelled card", phone(PENDING), each(carried, card(revoked_at=NOW))),
    R(1523, "phone with another key", phone(PENDING),
      lambda d: d.with_cards(hc=replace(carried(d).hc, key=certificates.new_key()))),
    R(3245, "a phone's message again", repeated_by_phone, carried),
]  # fmt: skip

WITH_CLOUD_SAMS = [
    R(1705, "which machine?", signed(SAM_VERIFY, "SAM", "01"), cloud()),
    R(9202, "on a second machine", signed(SAM_VERIFY, "SAM", "01", machine="b" * 64), cloud("a" * 64)),
    R(9005, "not the representative", signed(APPLY, "HPC", "01"), institution(representative=None)),
    R(9005, "download by another", download(), each(applied, approved, institution(representative=None))),
    R(1611, "not approved", download(), applied),
    R(1611, "no such application",
      signed(DOWNLOAD, "HPC", "01", applicationId=1_000_000, password="long enough for a key")),
    R(9041, "a password of eleven characters", download("elevenchars"), each(applied, approved)),
]  # fmt: skip

TEST_CARDS = [
    R(1706, "made-up patient of no sex", signed(TEST_QR, "SAM", "06", sex="X", birthday="0790101")),
    R(1706, "made-up patient never born", signed(TEST_QR, "SAM", "06", sex="F", birthday="0790231")),
]  # fmt: skip

# A signature is used up by the call that proves genuine, whatever the service then says; by no other.
UNSPENT = [*ON_THE_WIRE, *BY_SIGNATURE, *BY_PHONE]
SPENT = [*AT_THE_TAP, *AFTER_THE_TAP, *WITH_VIRTUAL_CARDS, *WITH_CLOUD_SAMS, *TEST_CARDS]
