"""Settlements: what a division pays for a month that is over. What is sent later is settled later, never edited."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from django.db import transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.models import Line, Settlement
from nhicard.insurer.bandwidth.services import evidence
from nhicard.insurer.bandwidth.services.enrolling import Refused, enrolled
from nhicard.insurer.bandwidth.tables import LineType, line_type, line_types
from nhicard.insurer.registry.models import Institution

JOB: Final = "nhicard bandwidth settle"


class Subsidy(NamedTuple):
    """NT$, and why so much: ``full`` the bill, ``capped`` the cap, ``slow`` nothing."""

    amount: int
    outcome: str


@dataclass(slots=True)
class Settled:
    """What a run did. ``missing``: codes of who sent no bill; ``capless``: of those whose type has no cap then."""

    settlement: Settlement | None = None
    lines: list[Line] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    capless: list[str] = field(default_factory=list)


def subsidy(bill: int, mbps: int, kind: LineType) -> Subsidy:
    """The bill up to the cap, for a line that is fast enough."""
    if mbps < kind.minimum_mbps:
        return Subsidy(0, "slow")
    return Subsidy(kind.cap, "capped") if bill > kind.cap else Subsidy(bill, "full")


@transaction.atomic
def settle(division: int, fee_month: date, season: int, paid_on: date, now: datetime, actor: str = JOB) -> Settled:
    """Settle what is not settled of a month; nothing new makes no settlement.

    Raises Refused: ``not_over`` for a month that has not ended, ``paid_early`` for a day of payment within it.
    """
    after = months.after(fee_month)
    if now.date() < after:
        raise Refused("not_over")
    if paid_on < after:
        raise Refused("paid_early")
    places = {
        each.pk: each for each in Institution.objects.select_for_update().filter(division=division).order_by("code")
    }
    holding = enrolled(list(places), fee_month, now)
    settled = set(
        Line.objects.filter(fee_month=fee_month, institution__in=holding).values_list("institution", flat=True)
    )
    bills = {each.institution_id: each for each in evidence.latest(list(holding), fee_month)}
    known, done = line_types(), Settled()
    for pk, place in places.items():
        if pk not in holding or pk in settled:
            continue
        kind = line_type(holding[pk].line_type, fee_month, known)
        if pk not in bills:
            done.missing.append(place.code)
        elif kind is None:
            done.capless.append(place.code)
        else:
            bill = bills[pk]
            due = subsidy(bill.bill, bill.mbps, kind)
            done.lines.append(
                Line(
                    institution=place,
                    fee_month=fee_month,
                    evidence=bill,
                    line_type=kind.code,
                    minimum_mbps=kind.minimum_mbps,
                    cap=kind.cap,
                    amount=due.amount,
                    outcome=due.outcome,
                )
            )
    if done.lines:
        done.settlement = _kept(division, fee_month, season, paid_on, now, actor, done.lines)
    return done


def _kept(
    division: int, fee_month: date, season: int, paid_on: date, now: datetime, actor: str, lines: list[Line]
) -> Settlement:
    before = Settlement.objects.filter(division=division, fee_month=fee_month).count()
    made = Settlement(
        division=division,
        fee_month=fee_month,
        number=before + 1,
        season=season,
        paid_on=paid_on,
        made_at=now,
        made_by=actor,
    )
    made.save()
    for line in lines:
        line.settlement = made
    Line.objects.bulk_create(lines)
    facts = {
        "division": division,
        "month": fee_month.isoformat(),
        "season": season,
        "paid_on": paid_on.isoformat(),
        "lines": len(lines),
        "amount": sum(line.amount for line in lines),
    }
    subject = f"line fee settlement {made.pk}"
    chain.record(at=now, actor=actor, action="bandwidth.settled", subject=subject, facts=facts)
    return made
