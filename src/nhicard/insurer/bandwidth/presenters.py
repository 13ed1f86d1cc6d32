"""What the pages show, in the language of the request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.utils import translation

from nhicard.formats import rocdate
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.models import Enrolment, Evidence, Line, Settlement
from nhicard.insurer.bandwidth.services.enrolling import State, state_of
from nhicard.insurer.bandwidth.services.statistics import Count
from nhicard.insurer.bandwidth.tables import LineType, groups, line_types
from nhicard.insurer.portal.texts import text

_MARKS: Final = {State.WAITING: "○", State.AGREED: "✓", State.REFUSED: "✕", State.ENDED: "－"}


@dataclass(frozen=True, slots=True)
class Applied:
    """An enrolment."""

    number: int
    institution: str
    line_type: str
    wanted: str
    effective: str
    contact: str
    applied: str
    state: str
    state_name: str
    mark: str
    reason: str
    last: str


@dataclass(frozen=True, slots=True)
class Month:
    """A fee month of an institution: its bill, and what was settled."""

    month: str
    bill: str
    mbps: str
    file: str
    number: int
    sent: str
    amount: str
    outcome: str
    paid: str
    season: str


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of the statistics; ``is_sum`` of a division or of all."""

    division: str
    group: str
    joined: str
    not_joined: str
    total: str
    percent: str
    is_sum: bool
    asked: str


def is_english() -> bool:
    """Whether the request is answered in English."""
    return (translation.get_language() or "").startswith("en")


def day(told: date) -> str:
    """``112/04/30``."""
    digits = rocdate.format_date(told)
    return f"{digits[:3]}/{digits[3:5]}/{digits[5:]}"


def moment(at: datetime) -> str:
    """``112/04/30 09:30``."""
    return f"{day(at)} {at:%H:%M}"


def named(kind: LineType) -> str:
    """The type's name with speed and cap."""
    name = kind.en if is_english() else kind.zh
    return text("bandwidth.line_type", line=name, mbps=kind.minimum_mbps, cap=f"{kind.cap:,}")


def type_name(code: str) -> str:
    """The name of a type; its code where the table has it no more."""
    found = next((each for each in line_types() if each.code == code), None)
    return (found.en if is_english() else found.zh) if found else code


def group_name(code: str) -> str:
    """The name of a group."""
    found = next(each for each in groups() if each.code == code)
    return found.en if is_english() else found.zh


def applied(found: Iterable[Enrolment], today: date) -> list[Applied]:
    """Enrolments with what became of them."""
    return [_applied(each, today) for each in found]


def _applied(enrolment: Enrolment, today: date) -> Applied:
    state = state_of(enrolment, today)
    decision: Any = getattr(enrolment, "decision", None)
    leaving: Any = getattr(enrolment, "leaving", None)
    return Applied(
        number=enrolment.pk,
        institution=f"{enrolment.institution.code} {enrolment.institution.short_name}",
        line_type=type_name(enrolment.line_type),
        wanted=months.told(enrolment.wanted_from),
        effective=months.told(decision.effective_from) if decision and decision.effective_from else "",
        contact=f"{enrolment.contact_name} {enrolment.contact_phone}",
        applied=moment(enrolment.applied_at),
        state=state,
        state_name=text(f"bandwidth.state.{state}"),
        mark=_MARKS[state],
        reason=decision.reason if decision else "",
        last=months.told(leaving.last_month) if leaving else "",
    )


def bills(found: Iterable[Evidence]) -> list[Month]:
    """Bills, the newest month first, with what was settled."""
    rows = sorted(found, key=lambda each: each.fee_month, reverse=True)
    pks = [each.pk for each in rows]
    lines = {line.evidence_id: line for line in Line.objects.filter(evidence__in=pks).select_related("settlement")}
    return [_bill(each, lines.get(each.pk)) for each in rows]


def _bill(evidence: Evidence, line: Line | None) -> Month:
    return Month(
        month=months.told(evidence.fee_month),
        bill=f"{evidence.bill:,}",
        mbps=f"{evidence.mbps:,}",
        file=evidence.name,
        number=evidence.pk,
        sent=moment(evidence.sent_at),
        amount=f"{line.amount:,}" if line else "",
        outcome=_outcome(line) if line else text("bandwidth.not_settled"),
        paid=day(line.settlement.paid_on) if line else "",
        season=str(line.settlement.season) if line else "",
    )


def _outcome(line: Line) -> str:
    return text(f"bandwidth.outcome.{line.outcome}", cap=f"{line.cap:,}", mbps=line.minimum_mbps)


def statistics(found: Sequence[Count], divisions: Iterable[int]) -> list[Cells]:
    """The table; ``divisions``: those that the reader may see, for the sum of all only if several."""
    several = len(set(divisions)) > 1
    return [_cells(each) for each in found if each.division or several]


def _cells(count: Count) -> Cells:
    group = group_name(count.group) if count.group else text("bandwidth.sum")
    asked = f"division={count.division}" if count.division else ""
    return Cells(
        division=text(f"division.{count.division}") if count.division else text("bandwidth.all"),
        group=group,
        joined=f"{count.joined:,}",
        not_joined=f"{count.not_joined:,}",
        total=f"{count.total:,}",
        percent=f"{count.joined * 1000 // count.total / 10:.1f}%",
        is_sum=not count.group,
        asked=f"{asked}&group={count.group}" if count.group else asked,
    )


def settlements(found: Iterable[Settlement], sums: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    """Settlements with the number of their lines and the amount."""
    return [
        {
            "number": each.pk,
            "division": text(f"division.{each.division}"),
            "month": months.told(each.fee_month),
            "nth": each.number,
            "season": each.season,
            "paid": day(each.paid_on),
            "made": moment(each.made_at),
            "lines": sums.get(each.pk, (0, 0))[0],
            "amount": f"{sums.get(each.pk, (0, 0))[1]:,}",
        }
        for each in found
    ]


def lines(found: Iterable[Line]) -> list[dict[str, Any]]:
    """Lines of a settlement."""
    return [
        {
            "institution": each.institution.code,
            "name": each.institution.short_name,
            "line_type": type_name(each.line_type),
            "bill": f"{each.evidence.bill:,}",
            "cap": f"{each.cap:,}",
            "amount": f"{each.amount:,}",
            "outcome": _outcome(each),
        }
        for each in found
    ]
