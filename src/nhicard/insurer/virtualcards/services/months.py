"""Months as pages and files tell them: figures with what they earn, by institution and summed by division."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet

from nhicard.formats import rocdate
from nhicard.insurer.monitoring.services.downloads import harmless
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.virtualcards import rewards
from nhicard.insurer.virtualcards.models import FIGURES, MonthFigures, Participation, Setting
from nhicard.insurer.virtualcards.rewards import Earned, Rule
from nhicard.insurer.virtualcards.services.counting import next_month


@dataclass(frozen=True, slots=True)
class Line:
    """A month of an institution. ``figures`` in the order of FIGURES; ``settings`` those it took part in."""

    institution: Institution
    month: date
    counted_at: datetime
    figures: tuple[int, ...]
    settings: tuple[str, ...]
    earned: Earned


def rule() -> Rule:
    """The rule in force. Raises rewards.BadRule."""
    return rewards.rule(Path(settings.HOME))


def lines(rows: QuerySet[MonthFigures]) -> list[Line]:
    """Months with what they earn, in the order of the rows."""
    found = list(rows.select_related("institution"))
    days, by = days_of(found), rule()
    return [_line(each, days.get((each.institution_id, each.month), {}), by) for each in found]


def _line(row: MonthFigures, days: Mapping[str, int], by: Rule) -> Line:
    figures = {name: getattr(row, name) for name in FIGURES}
    settings_ = tuple(name for name in Setting.values if days.get(name))
    counted = tuple(figures.values())
    return Line(row.institution, row.month, row.counted_at, counted, settings_, rewards.earned(figures, days, by))


def days_of(rows: Sequence[MonthFigures]) -> dict[tuple[int, date], dict[str, int]]:
    """By institution and month: on how many of its days the institution took part, by setting."""
    months = {each.month for each in rows}
    if not months:
        return {}
    places = {each.institution_id for each in rows}
    found: dict[tuple[int, date], dict[str, int]] = {}
    periods = Participation.objects.filter(
        Q(valid_until=None) | Q(valid_until__gte=min(months)), valid_from__lt=next_month(max(months))
    )
    if len(places) == 1:
        periods = periods.filter(institution__in=places)
    for place, setting, first, last in periods.values_list("institution", "setting", "valid_from", "valid_until"):
        for month in months:
            end = min(last or date.max, next_month(month) - timedelta(days=1))
            days = max(0, (end - max(first, month)).days + 1)
            if days:
                of_month = found.setdefault((place, month), {})
                of_month[setting] = of_month.get(setting, 0) + days
    return found


def by_division(found: Iterable[Line]) -> dict[int, tuple[int, tuple[int, ...], int]]:
    """By division: institutions, summed figures, points; 0 for institutions of none."""
    sums: dict[int, tuple[int, tuple[int, ...], int]] = {}
    for each in found:
        division = each.institution.division or 0
        count, figures, points = sums.get(division, (0, (0,) * len(FIGURES), 0))
        added = tuple(a + b for a, b in zip(figures, each.figures, strict=True))
        sums[division] = (count + 1, added, points + each.earned.points)
    return dict(sorted(sums.items()))


_HEADER = ("費用年月", "分區業務組", "醫事機構代碼", "醫事機構名稱", "執行場域")
_FIGURES = (
    *("使用虛擬卡民眾數", "首次使用民眾數", "虛擬卡就醫次數", "遠距醫療次數"),
    *("虛擬卡就醫上傳件數", "居家醫療照護上傳件數", "全部上傳件數"),
)
_EARNED = ("符合項目", "獎勵點數")


def as_csv(found: Iterable[Line], *, rewarded_only: bool) -> bytes:
    """The lines as a file, UTF-8 with a mark: all of them, or the reward list of those that earned something."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow((*_HEADER, *_FIGURES, *_EARNED))
    for each in found:
        if each.earned.points or not rewarded_only:
            place = each.institution
            row = (
                rocdate.format_date(each.month)[:5],
                *(place.division or "", place.code, place.name, ";".join(each.settings)),
                *(*each.figures, ";".join(each.earned.items), each.earned.points),
            )
            writer.writerow([harmless(value) for value in row])
    return stream.getvalue().encode("utf-8-sig")
