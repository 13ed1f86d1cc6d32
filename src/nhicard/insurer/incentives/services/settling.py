"""Settlements: what a division pays as of a day that is over. A correction is the difference in a later settlement."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Final

import polars as pl
from django.db import IntegrityError, transaction
from django.db.models import Sum

from nhicard.insurer.audit import chain
from nhicard.insurer.incentives import scheme as schemes
from nhicard.insurer.incentives.engine import Entitlement, Facts
from nhicard.insurer.incentives.models import Line, Settlement
from nhicard.insurer.incentives.scheme import Scheme
from nhicard.insurer.incentives.services import computing, sources
from nhicard.insurer.registry.models import Institution

JOB: Final = "nhicard incentives settle"
_AT_ONCE: Final = 1000
Key = tuple[str, str]


class CannotSettle(Exception):
    """``name``: text ``incentives.cannot.<name>``; nothing was written."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def settle(as_of: date, division: int, now: datetime, scheme: Scheme, actor: str = JOB) -> Settlement:
    """The division's settlement of the day; the one that is there already, if there is one.

    Raises CannotSettle: ``not_over`` for a day that has not ended, ``later`` where a later day is settled.
    """
    if as_of >= now.date():
        raise CannotSettle("not_over")
    if found := _made(as_of, division, scheme):
        return found
    institutions = computing.earning(Institution.objects.filter(division=division))
    facts = computing.facts_of(institutions)
    codes = pl.Series("institution", [each.code for each in facts], dtype=pl.String)
    events = sources.gather(as_of).join(codes.to_frame(), on="institution", how="semi").sort(pl.all())
    entitled = entitled_points(computing.replayed(events, facts, scheme, as_of))
    try:
        return _write(as_of, division, now, scheme, actor, events, facts, entitled)
    except IntegrityError:
        if found := _made(as_of, division, scheme):  # another was faster
            return found
        raise


def entitled_points(found: Mapping[str, Sequence[Entitlement]]) -> dict[Key, int]:
    """Points by institution and item, without those that have none."""
    return {(code, each.item): each.points for code, items in found.items() for each in items if each.points}


def replay(settlement: Settlement) -> dict[Key, int]:
    """What the settlement entitled to, computed again from what it rested on."""
    scheme = schemes.parse(json.loads(settlement.scheme))
    frame = pl.read_parquet(io.BytesIO(settlement.institutions))
    facts = [Facts(*row) for row in frame.select("code", "kind", "division").iter_rows()]
    events = pl.read_parquet(io.BytesIO(settlement.events))
    return entitled_points(computing.replayed(events, facts, scheme, settlement.as_of))


def settled(settlement: Settlement) -> dict[Key, int]:
    """What the settlements up to this one amount to for the institutions in it, by institution and item."""
    codes = pl.read_parquet(io.BytesIO(settlement.institutions), columns=["code"])["code"].to_list()
    kept = set(codes)
    lines = Line.objects.filter(year=settlement.year, settlement_id__lte=settlement.pk)
    sums = lines.values_list("institution", "item").annotate(total=Sum("difference"))
    return {(code, item): total for code, item, total in sums.order_by() if total and code in kept}


def is_reproduced(settlement: Settlement) -> bool:
    """Whether computing it again, from inputs that are still those it was made from, gives the same."""
    return settlement.digest == _digest(
        settlement.scheme, bytes(settlement.events), bytes(settlement.institutions)
    ) and replay(settlement) == settled(settlement)


@transaction.atomic
def _write(
    as_of: date,
    division: int,
    now: datetime,
    scheme: Scheme,
    actor: str,
    events: pl.DataFrame,
    facts: Sequence[Facts],
    entitled: Mapping[Key, int],
) -> Settlement:
    inputs = scheme.to_json(), _parquet(events), _parquet(_frame(facts))
    digest = _digest(*inputs)
    # the audit log's head is a row that all settlements wait for: the sums below are of what is settled
    chain.record(
        at=now,
        actor=actor,
        action="incentives.settled",
        subject=f"settlement {scheme.year} division {division}",
        facts={"as_of": as_of.isoformat(), "digest": digest, "points": sum(entitled.values())},
    )
    others = Settlement.objects.filter(year=scheme.year, division=division)
    if others.filter(as_of__gt=as_of).exists():
        raise CannotSettle("later")
    settlement = Settlement(
        year=scheme.year,
        division=division,
        number=others.count() + 1,
        as_of=as_of,
        made_at=now,
        made_by=actor,
        scheme=inputs[0],
        events=inputs[1],
        institutions=inputs[2],
        digest=digest,
    )
    settlement.save()
    Line.objects.bulk_create(_lines(settlement, {each.code for each in facts}, entitled), batch_size=_AT_ONCE)
    return settlement


def _lines(settlement: Settlement, codes: set[str], entitled: Mapping[Key, int]) -> list[Line]:
    """A line for each institution and item whose points are not those settled before."""
    sums = Line.objects.filter(year=settlement.year).values_list("institution", "item").annotate(Sum("difference"))
    before = {(code, item): total for code, item, total in sums.order_by() if total and code in codes}
    differing = [key for key in sorted(entitled.keys() | before.keys()) if entitled.get(key, 0) != before.get(key, 0)]
    return [
        Line(
            settlement=settlement,
            year=settlement.year,
            institution=code,
            item=item,
            entitled=entitled.get((code, item), 0),
            before=before.get((code, item), 0),
            difference=entitled.get((code, item), 0) - before.get((code, item), 0),
        )
        for code, item in differing
    ]


def _made(as_of: date, division: int, scheme: Scheme) -> Settlement | None:
    found: Settlement | None = Settlement.objects.filter(year=scheme.year, division=division, as_of=as_of).first()
    return found


def _frame(facts: Sequence[Facts]) -> pl.DataFrame:
    schema = {"code": pl.String, "kind": pl.String, "division": pl.Int64}
    return pl.DataFrame([asdict(each) for each in facts], schema=schema)


def _parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content, compression="zstd")
    return content.getvalue()


def _digest(scheme: str, events: bytes, institutions: bytes) -> str:
    told = [hashlib.sha256(part).hexdigest() for part in (scheme.encode(), events, institutions)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
