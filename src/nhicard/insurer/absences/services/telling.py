"""Reminders: of new cases, of cases that are due soon, of overdue ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from nhicard.insurer.absences.models import Case, State
from nhicard.insurer.reminders.services import Text
from nhicard.insurer.reminders.services import remind as tell

TOPIC: Final = "absences"
PAGE: Final = "/portal/absences/"
_DAYS_BEFORE: Final = 7
_NEW: Final = (
    Text("醫師出國期間看診資料待說明", "Visits name a physician who was abroad"),
    Text("請查看案件，更正實際看診醫師或說明。", "See the cases: name who treated the patients, or explain."),
)
_SOON: Final = (
    Text("醫師出國期間看診案件即將到期", "Cases of physicians abroad are due"),
    Text("請在期限前更正或說明。", "Please correct or explain in time."),
)
_LATE: Final = (
    Text("醫師出國期間看診案件已逾期", "Cases of physicians abroad are overdue"),
    Text("請儘速更正或說明。", "Please correct or explain now."),
)


def remind(changed: Iterable[Case], late: Iterable[Case], as_of: date, now: datetime) -> int:
    """Remind the institutions, each once an occasion; how many reminders were given."""
    given = tell(TOPIC, sorted({each.institution for each in changed}), *_NEW, now, f"absences-new-{as_of}", PAGE)
    given += tell(TOPIC, sorted({each.institution for each in late}), *_LATE, now, f"absences-late-{as_of}", PAGE)
    soon = Case.objects.filter(state=State.OPEN, due__gte=as_of, due__lte=as_of + timedelta(days=_DAYS_BEFORE))
    for day in sorted(set(soon.values_list("due", flat=True))):
        places = sorted(set(soon.filter(due=day).values_list("institution", flat=True)))
        given += tell(TOPIC, places, *_SOON, now, f"absences-due-{day}", PAGE)
    return given
