"""The report as the page shows it: rows with their links, the two conditions in sentences, the chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.utils import translation

from nhicard.formats import rocdate
from nhicard.insurer.monitoring.services import categories
from nhicard.insurer.monitoring.services.listing import Line
from nhicard.insurer.monitoring.services.records import Asked, Group
from nhicard.insurer.monitoring.services.report import Counts, Report
from nhicard.insurer.portal.texts import text

Link = Callable[[Asked], str]


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the table; ``href`` is empty where no records stand behind it. ``id`` lets a refresh keep focus."""

    count: int
    href: str
    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. ``only_looks_complete``: its 100 % is a rounded one."""

    name: str
    a: Number
    b: Number
    percent: str
    by_vpn: Number
    by_web: Number
    only_looks_complete: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One of the three tables: ``total``, ``day`` or ``category``."""

    key: str
    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the two conditions and why it is met or not."""

    title: str
    is_met: bool
    reasons: Sequence[str]
    more: str
    href: str


@dataclass(frozen=True, slots=True)
class Point:
    """A day in the chart, in pixels; ``share`` is cut off after one decimal, so that it never claims too much."""

    x: int
    y: int
    share: str
    day: str
    told: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The ratio by day. ``rules``: (height, per cent); ``line``: points of the polyline."""

    width: int
    height: int
    base: int
    points: Sequence[Point]
    rules: Sequence[tuple[int, int]]
    line: str
    floor: int


@dataclass(frozen=True, slots=True)
class InstitutionLine:
    """An institution in the list."""

    code: str
    name: str
    counts: Counts
    percent: str
    qualified_at: str


def is_english() -> bool:
    """Whether the page is in English."""
    return (translation.get_language() or "").startswith("en")


def day_text(day: date) -> str:
    """``1121016``, in English ``2023-10-16``."""
    return day.isoformat() if is_english() else rocdate.format_date(day)


def moment_text(at: datetime | None) -> str:
    """``112/10/23 12:00``, in English ``2023-10-23 12:00``."""
    if at is None:
        return "—"
    year = f"{at.year}-{at:%m-%d}" if is_english() else f"{at.year - rocdate.YEAR_BEFORE_FIRST}/{at:%m/%d}"
    return f"{year} {at:%H:%M}"


def category_text(code: str) -> str:
    """``01-西醫門診`` in the language of the page."""
    return categories.label(code, english=is_english())


def percent_text(counts: Counts) -> str:
    """``97%``; a dash where nothing was accepted in 1.0."""
    return "—" if counts.percent is None else f"{counts.percent}%"


def institutions(lines: Iterable[Line]) -> list[InstitutionLine]:
    """The list's lines."""
    return [
        InstitutionLine(each.code, each.name, each.counts, percent_text(each.counts), moment_text(each.qualified_at))
        for each in lines
    ]


def counted_text(last: Mapping[str, Any] | None) -> str:
    """Up to which upload a frozen table counts."""
    if last is None:
        return text("monitoring.counted_none")
    at = moment_text(datetime.fromisoformat(last["checked_at"]))
    return text("monitoring.counted_up_to", number=last["submission"], at=at)


def parts(report: Report, link: Link | None = None) -> list[Part]:
    """The three tables; without ``link`` (a frozen table) numbers lead nowhere."""

    def row(name: str, counts: Counts, asked: Asked) -> Row:
        def number(group: Group, count: int) -> Number:
            this = Asked(asked.institution, asked.as_of, group, asked.day, asked.category)
            place = f"{group}-{asked.day or ''}{asked.category}"
            label = text("monitoring.records_behind", what=name, group=text(f"monitoring.group.{group}"), count=count)
            return Number(count, link(this) if link and count else "", f"n-{place}", label)

        return Row(
            name=name,
            a=number(Group.ACCEPTED, counts.a),
            b=number(Group.MATCHED, counts.b),
            percent=percent_text(counts),
            by_vpn=number(Group.BY_VPN, counts.by_vpn),
            by_web=number(Group.BY_WEB, counts.by_web),
            only_looks_complete=counts.only_looks_complete,
        )

    code, today = report.institution, report.as_of
    name = text("monitoring.total")
    total = [row(name, report.total, Asked(code, today))]
    days = [row(day_text(day), counts, Asked(code, today, day=day)) for day, counts in report.by_day.items()]
    kinds = [
        row(category_text(kind), counts, Asked(code, today, category=kind))
        for kind, counts in report.by_category.items()
    ]
    return [
        Part("total", name, total),
        Part("day", text("monitoring.by_day"), days),
        Part("category", text("monitoring.by_category"), kinds),
    ]


def conditions(report: Report, link: Link | None = None) -> list[Condition]:
    """Both conditions, each with its reasons."""

    def leads_to(group: Group, count: int) -> str:
        return link(Asked(report.institution, report.as_of, group)) if link and count else ""

    total = report.total
    return [
        Condition(
            text("monitoring.condition.all_matched"),
            report.all_matched,
            list(_why_matched(report)),
            text("monitoring.see_missing"),
            leads_to(Group.MISSING, total.missing),
        ),
        Condition(
            text("monitoring.condition.all_by_web"),
            report.all_by_web,
            list(_why_by_web(total)),
            text("monitoring.see_vpn"),
            leads_to(Group.BY_VPN, total.by_vpn),
        ),
    ]


def _why_matched(report: Report) -> Iterator[str]:
    total = report.total
    if not total.a:
        yield text("monitoring.why.nothing")
    elif total.is_complete:
        yield text("monitoring.why.matched", a=total.a)
    else:
        yield text("monitoring.why.missing", a=total.a, b=total.b, missing=total.missing)
        named = [(text("monitoring.total"), total)]
        named += [(day_text(day), counts) for day, counts in report.by_day.items()]
        named += [(category_text(code), counts) for code, counts in report.by_category.items()]
        for name, counts in named:
            if counts.only_looks_complete:
                yield text("monitoring.why.rounded", what=name, a=counts.a, b=counts.b, missing=counts.missing)


def _why_by_web(total: Counts) -> Iterator[str]:
    if not total.b:
        yield text("monitoring.why.no_precheck")
    elif total.by_vpn:
        yield text("monitoring.why.by_vpn", count=total.by_vpn)
    else:
        yield text("monitoring.why.by_web", count=total.by_web)


_WIDTH: Final = 760
_HEIGHT: Final = 250
_TOP, _BASE, _LEFT = 40, 205, 60
#: Where the scale may begin (the highest that shows every day is taken), and how far apart its lines are.
_RULE_EVERY: Final = {98: 1, 95: 1, 90: 2, 80: 5, 50: 10, 0: 20}


def chart(report: Report) -> Chart:
    """The ratio of each day that has visits; the scale begins where the differences can be seen."""
    shown = [(place, day, counts) for place, (day, counts) in enumerate(report.by_day.items())]
    lowest = min((100 * counts.b // counts.a for _, _, counts in shown if counts.a), default=0)
    floor = next(each for each in _RULE_EVERY if each < lowest or each == 0)
    step = (_WIDTH - _LEFT) // len(shown)

    def height(part: int, whole: int) -> int:
        return _BASE - (_BASE - _TOP) * (100 * part - floor * whole) // ((100 - floor) * whole)

    points = [
        Point(
            x=_LEFT + step * place + step // 2,
            y=height(counts.b, counts.a) if counts.a else _BASE,
            share=_cut_off(counts),
            day=day_text(day),
            told=text("monitoring.chart.day", day=day_text(day), a=counts.a, b=counts.b, share=_cut_off(counts)),
        )
        for place, day, counts in shown
    ]
    drawn = " ".join(f"{p.x},{p.y}" for p, (_, _, counts) in zip(points, shown, strict=True) if counts.a)
    rules = [(height(mark, 100), mark) for mark in range(100, floor - 1, -_RULE_EVERY[floor])]
    return Chart(_WIDTH, _HEIGHT, _BASE, points, rules, drawn, floor)


def _cut_off(counts: Counts) -> str:
    if not counts.a:
        return "—"
    tenths = 1000 * counts.b // counts.a
    return "100%" if tenths == 1000 else f"{tenths // 10}.{tenths % 10}%"
