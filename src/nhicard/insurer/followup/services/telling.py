"""Reminders of the follow-up: of what is new, of what is due soon, of what became overdue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from nhicard.insurer.followup.limits import Limits
from nhicard.insurer.followup.models import Case, Kind, State
from nhicard.insurer.reminders.services import Text
from nhicard.insurer.reminders.services import remind as tell

PAGE: Final = "/portal/followup/"
_NEW: Final = (
    Text("新生兒註記與戶政資料不符", "Newborn marks that the household registry contradicts"),
    Text("請查看案件，更正上傳資料或說明。", "See the cases: correct the upload or explain."),
)
_SOON: Final = (
    Text("12196B 檢測結果即將到期", "Results of 12196B are due"),
    Text("請在期限前上傳檢測結果，或說明原因。", "Upload the results in time, or explain."),
)
_LATE: Final = {
    Kind.NEWBORN: (
        Text("新生兒註記案件已逾期", "Cases of newborn marks are overdue"),
        Text("請儘速更正或說明。", "Please correct or explain now."),
    ),
    Kind.HLA_B: (
        Text("12196B 檢測結果已逾期", "Results of 12196B are overdue"),
        Text("請儘速上傳檢測結果或說明。", "Please upload the results or explain now."),
    ),
}


def remind(found: Iterable[Case], late: Iterable[Case], as_of: date, now: datetime, limits: Limits) -> int:
    """Remind the institutions, each once an occasion; how many reminders were given."""
    new = {each.institution for each in found if each.kind == Kind.NEWBORN}
    given = tell(Kind.NEWBORN, sorted(new), *_NEW, now, f"newborn-found-{as_of}", PAGE)
    overdue = list(late)
    for kind, told in _LATE.items():
        places = sorted({each.institution for each in overdue if each.kind == kind})
        given += tell(kind, places, *told, now, f"{kind}-overdue-{as_of}", PAGE)
    until = as_of + timedelta(days=limits.hla_b.remind_before)
    due = Case.objects.filter(kind=Kind.HLA_B, state=State.OPEN, due__gte=as_of, due__lte=until)
    for day in due.order_by("due").values_list("due", flat=True).distinct():
        places = sorted(set(due.filter(due=day).values_list("institution", flat=True)))
        given += tell(Kind.HLA_B, places, *_SOON, now, f"hla_b-due-{day}", PAGE)
    return given
