"""The columns that rules ask for by name: blanks as null, typed views, answers from lists and from a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from typing import Protocol

import polars as pl

from nhicard.checks.reference import References
from nhicard.checks.requirement import MASKS, mask_columns
from nhicard.checks.verification import Verifier, needs_keys, verified
from nhicard.formats import rocdate
from nhicard.formats.tables import Edition

# A field's distinct values, worked out once however many lists they are looked up in.
Distinct = Callable[[str], pl.Series]


class Maker(Protocol):
    def __call__(
        self, frame: pl.DataFrame, names: Sequence[str], already: frozenset[str] = frozenset()
    ) -> pl.DataFrame: ...


def column_maker(
    edition: Edition,
    references: References,
    never_blank: frozenset[str] = frozenset(),
    verifier: Verifier | None = None,
) -> Maker:
    """A function that turns a frame of values as sent into one with the named columns.

    ``already`` names columns of the frame that are made and must stay as they are; ``never_blank`` fields that are
    known to hold no blank value. Names that need keys may only be asked for with a ``verifier``.
    """

    def make(frame: pl.DataFrame, names: Sequence[str], already: frozenset[str] = frozenset()) -> pl.DataFrame:
        texts = {name for name, dtype in frame.schema.items() if dtype == pl.String}
        plain = [name for name in names if name in texts and name not in already]
        raws = [pl.col(name.removeprefix("raw:")).alias(name) for name in names if name.startswith("raw:")]
        views = [name for name in names if ":" in name and not name.startswith("raw:") and name not in already]
        masks = bool(set(views) & set(MASKS))
        base = frame.select(*already, *raws, *_blanks_as_null(frame, plain, never_blank))
        if masks:
            base = base.with_columns(mask_columns(edition, base))
        times = [name for name in views if name.startswith("time:")]
        base = base.with_columns([_view("time", name.removeprefix("time:")) for name in times])
        base = base.with_columns(
            [
                _day_of_time(rest) if kind == "date" and _all_times(base, rest) else _view(kind, rest)
                for name in views
                for kind, _, rest in [name.partition(":")]
                if kind in _VIEWS and kind != "time"
            ]
        )
        distinct = cache(lambda field: base[field].unique().drop_nulls())
        looked_up = [
            _LOOKUPS[kind](base, references, distinct, rest).alias(name)
            for name in views
            for kind, _, rest in [name.partition(":")]
            if kind in _LOOKUPS
        ]
        answered = verified(base, verifier, filter(needs_keys, views)) if verifier else []
        return base.with_columns(looked_up + answered)

    return make


def _blanks_as_null(frame: pl.DataFrame, names: Sequence[str], never_blank: frozenset[str]) -> list[pl.Series]:
    """The columns with blank values turned to null; a column without any comes back as it is."""
    sent = [name for name in names if name not in never_blank and frame[name].null_count() < frame.height]
    if not sent:
        return [frame[name] for name in names]
    found = frame.select((pl.col(name).str.strip_chars() == "").any() for name in sent).row(0)
    blank = {name for name, some in zip(sent, found, strict=True) if some}
    mended = frame.select(
        pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name) for name in sorted(blank)
    )
    return [mended[name] if name in blank else frame[name] for name in names]


def _date(field: str) -> pl.Expr:
    return rocdate.as_date(pl.col(field).str.head(7)).alias(f"date:{field}")


def _all_times(frame: pl.DataFrame, field: str) -> bool:
    """Whether the field's times are made already and every value is one."""
    return f"time:{field}" in frame.columns and frame[f"time:{field}"].null_count() == frame[field].null_count()


def _day_of_time(field: str) -> pl.Expr:
    return pl.col(f"time:{field}").dt.date().alias(f"date:{field}")


_VIEWS: dict[str, Callable[[str], pl.Expr]] = {
    "int": lambda field: pl.col(field).cast(pl.Int64, strict=False).alias(f"int:{field}"),
    "float": lambda field: pl.col(field).cast(pl.Float64, strict=False).alias(f"float:{field}"),
    "date": _date,
    "time": lambda field: rocdate.as_datetime(pl.col(field)).alias(f"time:{field}"),
}


@cache
def _view(kind: str, field: str) -> pl.Expr:
    return _VIEWS[kind](field)


def _known(frame: pl.DataFrame, references: References, distinct: Distinct, rest: str) -> pl.Series:
    name, field = rest.split(":")
    values = frame[field]
    if values.null_count() == len(values):
        return _nothing(len(values))
    return values.is_in(references[name].among(distinct(field)).implode())


def _covered(frame: pl.DataFrame, references: References, distinct: Distinct, rest: str) -> pl.Series:
    """True where some validity of the code includes the day; null where code or day is missing."""
    name, field, day = rest.split(":")
    codes, days = frame[field], frame[f"date:{day}"]
    if codes.null_count() == len(codes):
        return _nothing(len(codes))
    reference = references[name]
    if reference.frame.is_empty():
        never = pl.Series([False]).new_from_index(0, len(codes))
        return never.set(codes.is_null(), None) if codes.null_count() else never
    table = reference.validities(distinct(field))
    if len(codes) == 1:
        return pl.Series([_covers(table, days[0])], dtype=pl.Boolean)  # a single visit: spare it the join
    asked = pl.DataFrame({"code": codes, "day": days})
    start, end, when = pl.col("start"), pl.col("end"), pl.col("day")
    holds = (start.is_null() | (start <= when)) & (end.is_null() | (when <= end))
    if table["code"].is_unique().all():
        listed = table.with_columns(known=pl.lit(True))
        answered = asked.join(listed, on="code", how="left", maintain_order="left")
        held = pl.col("known").fill_null(False) & holds
    else:
        covered = asked.unique().drop_nulls().join(table, on="code").filter(holds).select("code", "day").unique()
        listed = covered.with_columns(known=pl.lit(True))
        answered = asked.join(listed, on=["code", "day"], how="left", maintain_order="left")
        held = pl.col("known").fill_null(False)
    return answered.select(held=pl.when(pl.col("code").is_not_null() & when.is_not_null()).then(held)).to_series()


def _covers(table: pl.DataFrame, day: date | None) -> bool | None:
    """Whether one of the validities of a single code includes the day."""
    if day is None:
        return None
    rows = table.select("start", "end").rows()
    return any((start is None or start <= day) and (end is None or day <= end) for start, end in rows)


def _nothing(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.Boolean).new_from_index(0, height)


def _listed(frame: pl.DataFrame, references: References, distinct: Distinct, rest: str) -> pl.Series:
    """True where the fields together are a row of the list; null where one of them is missing."""
    name, _, joined = rest.partition(":")
    fields = joined.split(",")
    table = references[name].frame
    keys = table.columns[: len(fields)]
    known = table.select(keys).unique().with_columns(held=pl.lit(True))
    answered = frame.select(fields).join(known, left_on=fields, right_on=keys, how="left", maintain_order="left")
    return answered.select(
        pl.when(pl.any_horizontal(pl.col(fields).is_null()))
        .then(None)
        .otherwise(pl.col("held").fill_null(False))
        .alias("held")
    ).to_series()


def _attribute(frame: pl.DataFrame, references: References, distinct: Distinct, rest: str) -> pl.Series:
    name, column, field = rest.split(":")
    table = references[name].frame
    if frame[field].null_count() == frame.height:
        return pl.Series([None], dtype=table.schema[column]).new_from_index(0, frame.height)
    values = table.select(code=table.columns[0], value=column).unique("code", keep="last")
    return frame.select(code=field).join(values, on="code", how="left", maintain_order="left")["value"]


_LOOKUPS: dict[str, Callable[[pl.DataFrame, References, Distinct, str], pl.Series]] = {
    "known": _known,
    "covered": _covered,
    "listed": _listed,
    "attribute": _attribute,
}
