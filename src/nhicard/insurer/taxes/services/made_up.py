"""Payments, owners and documents of persons who do not exist, for the demo."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.registry.models import Contract, Institution, Kind
from nhicard.insurer.taxes.services import loading, producing
from nhicard.insurer.taxes.services.figures import month, roc_year
from nhicard.insurer.taxes.tables import columns

_CLOSED: Final = ("3599990019", "測試歇業診所")
_BIRTHS: Final = (date(1968, 5, 6), date(1975, 11, 2), date(1961, 2, 28))
_OLD: Final = date(1938, 3, 4)
_KINDS: Final = {Kind.HOSPITAL: ("10", "20"), Kind.CLINIC: ("10",), Kind.PHARMACY: ("30",)}
_SCALE: Final = {Kind.HOSPITAL: 40}


def seed(now: datetime) -> producing.Produced:
    """Owners, payments and documents of the year before ``now`` for every institution with a representative.

    One institution more is closed, and one owner is above eighty. Representatives without an ID get their owner's.
    """
    year = roc_year(now.date()) - 1
    first = date(year + rocdate.YEAR_BEFORE_FIRST, 1, 1)
    closed = _closed(first)
    users = User.objects.filter(role=Role.REPRESENTATIVE, institution__isnull=False).order_by("pk")
    by_institution = {user.institution_id: user for user in users if user.institution_id}
    places = [*Institution.objects.filter(pk__in=by_institution).order_by("code"), closed]
    ids = national_id.with_check_digit([f"A1999{number:04d}" for number in range(len(places))]).to_list()
    owners, payments = [], []
    for number, place in enumerate(places):
        user = by_institution.get(place.pk)
        if user and not user.national_id:
            user.national_id = ids[number]
            user.save(update_fields=["national_id"])
        owner = user.national_id if user else ids[number]
        birthday = _OLD if place is closed or number == 1 else _BIRTHS[number % len(_BIRTHS)]
        owners.append(_owner(place, owner, birthday, number))
        payments += _payments(place, first)
    loading.load("owners", "owners.csv", _csv("owners", owners), now, "demo")
    loading.load("payments", f"payments-{year}.csv", _csv("payments", payments), now, "demo")
    return producing.produce(year, now.date(), now, "demo")


def _closed(first: date) -> Institution:
    code, name = _CLOSED
    facts = {"name": name, "short_name": name, "kind": Kind.CLINIC, "division": 1}
    place, is_new = Institution.objects.get_or_create(code=code, defaults=facts)
    if is_new:
        Contract.objects.create(
            institution=place, valid_from=date(2001, 1, 1), valid_until=first.replace(month=9, day=30)
        )
    return place


def _owner(place: Institution, id_no: str, birthday: date, number: int) -> dict[str, Any]:
    return {
        "institution": place.code,
        "id_no": id_no,
        "name": f"測試負責人{'甲乙丙丁戊己庚辛壬癸'[number % 10]}",
        "birthday": birthday,
        "postal_code": f"{100 + number % 17}",
        "address": f"測試市測試路 {number + 1} 號",
        "valid_from": date(2001, 1, 1),
        "valid_until": "",
    }


def _payments(place: Institution, first: date) -> list[dict[str, Any]]:
    """Each month paid some 60 days after its end; those of the last two months in the year that follows."""
    rng, rows = random.Random(place.code), []  # the demo's figures are no secret
    for kind in _KINDS.get(Kind(place.kind), ()):
        for back in range(-2, 12):
            fee_month = _month_after(first, back)
            cases = rng.randint(700, 1100) * _SCALE.get(Kind(place.kind), 1)
            parts = {
                "consultation": cases * 280,
                "drugs": cases * rng.randint(60, 140),
                "dispensing": cases * rng.randint(15, 30),
                "treatment": cases * rng.randint(40, 90),
            }
            total, copayment = sum(parts.values()), cases * 50
            claimed = total - copayment
            paid = claimed * rng.randint(88, 97) // 100
            rows.append(
                {
                    "institution": place.code,
                    "fee_month": month(fee_month),
                    "kind": kind,
                    "number": 1,
                    "cases": cases,
                    **parts,
                    "total": total,
                    "copayment": copayment,
                    "claimed": claimed,
                    "paid": paid,
                    "withheld": paid // 10,
                    "paid_on": _month_after(fee_month, 2) + timedelta(days=21),
                }
            )
    return rows


def _month_after(day: date, months: int) -> date:
    years, index = divmod(day.month - 1 + months, 12)
    return date(day.year + years, index + 1, 1)


def _csv(file: str, rows: Iterable[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(column.heading for column in columns(file))
    for row in rows:
        cells = (row[column.field] for column in columns(file))
        writer.writerow(rocdate.format_date(cell) if isinstance(cell, date) else cell for cell in cells)
    return stream.getvalue().encode("utf-8-sig")
