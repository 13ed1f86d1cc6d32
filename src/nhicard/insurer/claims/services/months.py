"""The state of a month: a step for everything that happens to one of its files, and what the steps come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from django.db.models import Max

from nhicard.insurer.claims.heads import Head
from nhicard.insurer.claims.models import IN_FORCE, ClaimFile, ClaimMonth, State, Step
from nhicard.insurer.registry.models import Institution

#: What ``since`` takes: a row a step, as many months as one likes.
STEPS: Final[Mapping[str, Any]] = {
    "month": pl.Int64,
    "turn": pl.Int64,
    "number": pl.Int64,
    "file": pl.Int64,
    "state": pl.String,
    "at": pl.Datetime("us"),
    "received_at": pl.Datetime("us"),
    "items": pl.List(pl.String),
}


def locked(institution: Institution, told: Head, now: datetime) -> ClaimMonth:
    """The month that a file speaks of, made where there is none, locked until the transaction's end."""
    month, _ = ClaimMonth.objects.get_or_create(
        institution=institution, format=told.kind, month=told.month, part=told.part, defaults={"updated_at": now}
    )
    return ClaimMonth.objects.select_for_update().get(pk=month.pk)


def add_step(month: ClaimMonth, file: ClaimFile, state: State, at: datetime, **facts: Any) -> Step:
    """Write what happened, and the month's state with it; within a transaction that holds the month."""
    last = month.steps.aggregate(last=Max("number"))["last"] or 0
    step = Step(
        month=month,
        number=last + 1,
        file=file,
        turn=file.turn,
        state=state,
        at=at,
        received_at=file.received_at,
        **facts,
    )
    step.save()
    newest = month.files.order_by("-turn").first()
    month.state = newest.state if newest else state
    month.items = completed(month)
    month.updated_at = at
    month.save(update_fields=["state", "items", "updated_at"])
    return step


def completed(month: ClaimMonth) -> list[str]:
    """The items that the file in force completes."""
    found = since(frame(Step.objects.filter(month=month)))
    return sorted(found["item"].to_list())


def frame(steps: Any) -> pl.DataFrame:
    """Steps of a query as ``since`` takes them: only those that put a file in force."""
    rows = steps.filter(state__in=IN_FORCE).values_list(
        "month_id", "turn", "number", "file_id", "state", "at", "received_at", "items"
    )
    return pl.DataFrame(list(rows.iterator()), schema=dict(STEPS), orient="row")


def since(steps: pl.DataFrame) -> pl.DataFrame:
    """Since when each month completes each item without a break: ``month item file received_at at``.

    The file of the highest turn is in force; the first one of the unbroken run up to it tells the day. A correction
    that completes the item as well takes nothing away, one that does not ends it.
    """
    asked = steps.sort("month", "turn", "number").unique(["month", "turn"], keep="last", maintain_order=True)
    said = asked.select("month", item="items").explode("item").drop_nulls().unique()
    every = said.join(asked, on="month").with_columns(has=pl.col("items").list.contains(pl.col("item")))
    broken = pl.col("turn").filter(~pl.col("has")).max().over("month", "item").fill_null(-1)
    run = every.filter(pl.col("turn") > broken).sort("month", "item", "turn")
    return run.unique(["month", "item"], keep="first", maintain_order=True).select(
        "month", "item", "file", "received_at", "at"
    )


def in_force(month: ClaimMonth) -> ClaimFile | None:
    """The file that counts: the newest of which a check accepted something."""
    step = month.steps.filter(state__in=IN_FORCE).select_related("file").order_by("-turn", "-number").first()
    return step.file if step else None


def newest(months: Iterable[date], most: int) -> list[date]:
    """The latest months, newest first."""
    return sorted(set(months), reverse=True)[:most]
