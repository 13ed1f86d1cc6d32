"""Where events come from. An app that has events gives them by a function of its ``services/incentive_events.py``.

A source gets the end of the day that is asked for and gives a frame with the columns of ``SCHEMA``; ``place`` may be
left out. It may give more than had happened by then: the engine looks at days again. One that takes a second argument,
``institutions``, is asked for those codes alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import polars as pl

from nhicard.insurer.applications.models import Change, EditionChange
from nhicard.insurer.applications.models import Event as Step
from nhicard.insurer.applications.tables import kinds as case_kinds
from nhicard.insurer.claims.services.incentive_events import events as claim_months
from nhicard.insurer.eprescriptions.services.incentive_events import events as e_prescriptions
from nhicard.insurer.incentives.engine import Event
from nhicard.insurer.incentives.kinds import is_known
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.prescriptions.services.incentive_events import events as qr_images

SCHEMA: Final = pl.Schema(
    {
        "institution": pl.String(),
        "kind": pl.String(),
        "happened_on": pl.Date(),
        "recorded_at": pl.Datetime("us"),
        "detail": pl.String(),
        "evidence": pl.String(),
        "place": pl.Int64(),
    }
)
Source = Callable[..., pl.DataFrame]
#: Steps of a case that mean something here, by their action.
_STEPS: Final = {"submit": "applied", "refuse": "refused", "withdraw": "withdrawn"}
_CHANGES: Final = {Change.ADMITTED: "approved", Change.SWITCHED: "switched", Change.RETURNED: "returned"}
_ROOM: Final = 1_000_000  # between two moments of a day, for changes of one moment


class BadSource(ValueError):
    """A source gave what is no frame of events; the message names it."""


def qualifications(as_of: datetime, institutions: Collection[str] | None = None) -> pl.DataFrame:
    """H1, from the monitoring."""
    found = Qualification.objects.filter(at__lte=as_of, **_among("institution", institutions))
    rows = found.values_list("institution", "at", "pk")
    return _frame((code, "qualified", at, at, "", f"qualification {pk}", 0) for code, at, pk in rows.iterator())


def applications(as_of: datetime, institutions: Collection[str] | None = None) -> pl.DataFrame:
    """Applications for 2.0 handed in, refused and withdrawn, and the changes of edition that followed."""
    admitting = [kind.code for kind in case_kinds().values() if kind.effect == Change.ADMITTED]
    steps = Step.objects.filter(
        case__kind__in=admitting, at__lte=as_of, action__in=_STEPS, **_among("case__institution__code", institutions)
    )
    told = steps.values_list("case__institution__code", "action", "at", "case__number")
    changes = EditionChange.objects.filter(
        effective_at__lte=as_of, recorded_at__lte=as_of, **_among("institution", institutions)
    )
    written = changes.values_list("institution", "kind", "effective_at", "recorded_at", "number", "case__number")
    rows: list[tuple[Any, ...]] = [
        (code, _STEPS[action], at, at, number, f"case {number}", 0) for code, action, at, number in told.iterator()
    ]
    rows += [
        (code, _CHANGES[Change(kind)], at, recorded, case or "", f"edition change {number}", number)
        for code, kind, at, recorded, number, case in written.iterator()
    ]
    return _frame(iter(rows))


#: Every source. An app's own function is added here: one line each.
SOURCES: tuple[Source, ...] = (
    qualifications,
    applications,
    qr_images,
    e_prescriptions,
    claim_months,
)


def gather(as_of: date, institutions: Collection[str] | None = None) -> pl.DataFrame:
    """The events that had happened and were on record by the end of the day, of all sources, in one fixed order.

    Raises BadSource.
    """
    end = datetime.combine(as_of, time.max)
    frames = [_checked(source, _asked(source, end, institutions)) for source in SOURCES]
    found = pl.concat(frames).filter(pl.col("happened_on") <= as_of, pl.col("recorded_at") <= end)
    if institutions is not None:
        found = found.filter(pl.col("institution").is_in(list(institutions)))
    return found.unique().sort(pl.all())


def events(frame: pl.DataFrame) -> Iterator[Event]:
    """The frame's rows as the engine takes them."""
    names = ("institution", "kind", "happened_on", "recorded_at", "detail", "evidence", "place")
    for row in frame.select(names).iter_rows():
        yield Event(*row)


def _asked(source: Source, end: datetime, institutions: Collection[str] | None) -> pl.DataFrame:
    if institutions is not None and "institutions" in inspect.signature(source).parameters:
        return source(end, institutions=institutions)
    return source(end)


def _checked(source: Source, told: pl.DataFrame) -> pl.DataFrame:
    name = f"{source.__module__}.{source.__name__}"
    if "place" not in told.columns:
        told = told.with_columns(place=pl.lit(0, pl.Int64))
    if lacking := set(SCHEMA) - set(told.columns):
        raise BadSource(f"{name} gives no {', '.join(sorted(lacking))}")
    try:
        frame = told.select(pl.col(column).cast(dtype) for column, dtype in SCHEMA.items())
    except pl.exceptions.PolarsError as trouble:
        raise BadSource(f"{name}: {trouble}") from trouble
    frame = frame.with_columns(pl.col("detail", "evidence").fill_null(""))
    if unknown := [kind for kind in frame["kind"].unique().to_list() if kind is None or not is_known(kind)]:
        raise BadSource(f"{name} gives events of unknown kinds: {unknown}")
    if frame.select(pl.any_horizontal(pl.all().is_null().any())).item():
        raise BadSource(f"{name} gives events without institution or day")
    return frame


def _frame(rows: Iterator[Sequence[Any]]) -> pl.DataFrame:
    """Rows as told: institution, kind, moment, recorded at, detail, evidence, number among those of the moment."""
    told = [
        (code, kind, at.date(), recorded, detail, evidence, _place(at) + number)
        for code, kind, at, recorded, detail, evidence, number in rows
    ]
    return pl.DataFrame(told, schema=SCHEMA, orient="row")


def _place(at: datetime) -> int:
    """Where in its day the moment lies."""
    return (at - datetime.combine(at, time())) // timedelta(microseconds=1) * _ROOM


def _among(name: str, institutions: Collection[str] | None) -> dict[str, Any]:
    return {} if institutions is None else {f"{name}__in": list(institutions)}
