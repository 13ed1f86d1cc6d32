"""A believable follow-up for a demo: births, visits with newborn marks, orders of 12196B; the job does the rest."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.followup.models import Case, Kind, Run, State
from nhicard.insurer.followup.services import acting, births, running
from nhicard.insurer.intake.models import Order, Submission, Visit, VisitState
from nhicard.insurer.intake.models import State as Checked
from nhicard.insurer.intake.tracing import put_down

#: Days before now of birth and visit, what the visit says, and the sexes of the children that the registry knows.
_NEWBORNS: Final = (
    (95, 80, "1", "A", "M"),
    (96, 70, "2", "B", "M"),
    (90, 75, "1", "a", ""),
    (88, 60, "1", "A", "MF"),
)
#: Days before now of the order, and of its result where there is one.
_GENE_TESTS: Final = ((40, 30), (20, None), (12, None), (2, None))
_TEXTS: Final = ("identifier", "original_identifier", "original_institution", "actual_identifier")


@transaction.atomic
def seed(now: datetime) -> int:
    """Cases of the institutions that have a clerk; how many. Again it adds nothing.

    The visits lie well before the week that the monitoring report shows, save the last order.
    """
    if Run.objects.exists():
        return 0
    users = User.objects.filter(role=Role.CLERK).select_related("institution").order_by("pk")
    clerks = [(each, each.institution.code) for each in users if each.institution]
    lines = ["mother,birth,sex"]
    for place, (_, code) in enumerate(clerks):
        lines += _newborns(code, place, now)
        _gene_tests(code, place, now)
    content = "\n".join(lines).encode()
    births.load(content, "demo.csv", now.date() - timedelta(days=200), now.date(), now)
    running.run(now.date(), now)
    for clerk, code in clerks[:1]:
        case = Case.objects.filter(institution=code, kind=Kind.NEWBORN, state=State.OPEN).first()
        if case:
            acting.act(case, "explain", clerk, "已向家長確認為雙胞胎，另一名尚未辦理出生登記。", now)
    return Case.objects.count()


def _newborns(code: str, place: int, now: datetime) -> list[str]:
    """Visits of the newborns; the lines of the registry's list."""
    lines = []
    for number, (born, seen, count, mark, children) in enumerate(_NEWBORNS[place % 2 :]):
        mother = _person("2", f"{code} mother {number}")
        birth, at = now.date() - timedelta(days=born), now - timedelta(days=seen, hours=number)
        fields = {"A20": rocdate.format_date(birth), "A21": count, "A24": mark}
        _visit(code, at, mother, fields)
        lines += [f"{mother},{rocdate.format_date(birth)},{sex}" for sex in children]
    return lines


def _gene_tests(code: str, place: int, now: datetime) -> None:
    for number, (asked, told) in enumerate(_GENE_TESTS[place % 2 :]):
        person = _person("1", f"{code} tested {number}")
        _visit(code, now - timedelta(days=asked, minutes=number), person, {}, {"A72": "5", "A73": "12196B"})
        if told is not None:
            result = {"A80": "N", "A81": "HLA-B 1502 negative"}
            _visit(code, now - timedelta(days=told, minutes=number), person, {}, result)


def _person(sex: str, told: str) -> str:
    digits = int.from_bytes(hashlib.sha256(told.encode()).digest()[:4], "big") % 10_000_000
    return str(national_id.with_check_digit([f"V{sex}{digits:07d}"])[0])


def _visit(code: str, at: datetime, patient: str, said: dict[str, str], *orders: dict[str, str]) -> None:
    """An accepted record of edition 1.0, as an upload of that evening brought it."""
    day = at.date()
    receipt = hashlib.sha256(f"{code} {at} {patient}".encode()).hexdigest()[:42]
    received = min(datetime.combine(day, datetime.min.time()) + timedelta(hours=21), at + timedelta(hours=3))
    submission = Submission.objects.create(
        receipt=receipt,
        institution=code,
        channel="vpn",
        kind="B1",
        content_hash=hashlib.sha256(receipt.encode()).digest(),
        size=0,
        received_at=received,
        state=Checked.CHECKED,
        checked_at=received,
    )
    time = rocdate.format_datetime(at.replace(microsecond=0))
    facts: dict[str, Any] = dict.fromkeys(_TEXTS, "")
    visit = Visit.objects.create(
        submission=submission,
        record=1,
        edition="1.0",
        is_precheck=False,
        channel="vpn",
        state=VisitState.ACCEPTED,
        received_at=received,
        visit_month=_month(day),
        visit_date=day,
        data_type="1",
        upload_kind="1",
        institution=code,
        patient_id=patient,
        staff_id="",
        category="01",
        visit_time=time,
        sequence="0001",
        key=f"followup-demo {receipt}",
        fields=json.dumps({"A12": patient, "A14": code, "A17": time} | said, separators=(",", ":")),
        **facts,
    )
    put_down(visit)
    for number, each in enumerate(orders, 1):
        told = {"code": each.get("A73", ""), "fields": json.dumps(each, separators=(",", ":"))}
        Order.objects.create(submission=submission, record=1, visit_month=_month(day), order=number, **told)


def _month(day: date) -> date:
    return day.replace(day=1)
