"""Enrolments, bills and settlements that never were, for the demo."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

import typst

from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.services import enrolling, evidence, settling
from nhicard.insurer.bandwidth.tables import open_to

_MONTHS: Final = 5
_SEASON: Final = 37
_BILL: Final = """#set page(width: 12cm, height: 8cm)
#set text(font: "Noto Sans CJK TC")
= 測試帳單
#sys.inputs.month #h(1fr) NT\\$ #sys.inputs.bill
"""


def seed(now: datetime) -> int:
    """Take the representatives' institutions in turn: joined with bills, joined with a late bill, waiting, refused.

    Months that ended two months ago or earlier are settled. Returns how many institutions applied.
    """
    users = list(User.objects.filter(role=Role.REPRESENTATIVE, institution__isnull=False).order_by("pk"))
    began = months.after(months.first(now.date()), -_MONTHS)
    then = datetime.combine(began + timedelta(days=2), now.time())
    applied = 0
    for number, user in enumerate(users):
        place = user.institution
        assert place is not None
        types = open_to(place.kind, began)
        officer = User.objects.filter(role=Role.OFFICER, division=place.division).order_by("pk").first()
        if not types or officer is None or place.enrolments.exists() or not place.is_contracted(then.date()):
            continue
        last_step = number % 4
        at, since = (then, began) if last_step != 2 else (now, months.first(now.date()))
        enrolment = enrolling.apply(user, types[0].code, since, ("測試聯絡人", "02-0000-0000"), at)
        applied += 1
        if last_step == 2:
            continue
        reason = "" if last_step != 3 else "線路非固接網路，請更換後再申請"
        enrolling.decide(
            enrolment,
            is_agreed=not reason,
            effective_from=since if not reason else None,
            reason=reason,
            user=officer,
            now=at + timedelta(days=1),
        )
        if not reason:
            _bills(user, _MONTHS - last_step, types[0].minimum_mbps, types[0].cap, now)
    for back in range(_MONTHS, 2, -1):
        month = months.after(months.first(now.date()), -back)
        for division in _divisions(users):
            paid_on = months.after(month, 2) + timedelta(days=21)
            settling.settle(division, month, _SEASON + (_MONTHS - back) // 3, paid_on, now, "demo")
    return applied


def _divisions(users: list[User]) -> list[int]:
    return sorted({user.institution.division for user in users if user.institution and user.institution.division})


def _bills(user: User, count: int, mbps: int, cap: int, now: datetime) -> None:
    rng = random.Random(user.username)
    for number in range(count):
        month = months.after(months.after(months.first(now.date()), -_MONTHS), number)
        bill = rng.choice([cap - 300, cap - 1, cap, cap + 200])
        inputs = {"month": months.told(month), "bill": f"{bill:,}"}
        content = typst.compile(_BILL.encode(), format="pdf", sys_inputs=inputs)
        assert isinstance(content, bytes)
        name = f"{months.code(month)}.pdf"
        evidence.send(user, month, bill, mbps if number != 1 else mbps * 2, name, content, now)
