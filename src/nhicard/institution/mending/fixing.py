"""Mending a batch: what can safely be repaired is, everything is told, the rest is left with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from nhicard.checks.context import Context
from nhicard.checks.engine import Checker
from nhicard.checks.findings import SCHEMA as FINDINGS
from nhicard.formats.batch import Batch, Fault
from nhicard.formats.tables import Edition
from nhicard.institution.mending.doubts import with_reasons
from nhicard.institution.mending.repair import Proposal, Repair, Scope, repairs
from nhicard.institution.mending.validity import invalid

CHANGES: Final[Mapping[str, Any]] = {
    "record": pl.UInt32,
    "order": pl.UInt32,
    "field": pl.String,
    "before": pl.String,
    "after": pl.String,
    "repair": pl.String,
}
"""Columns of ``Fixed.changes``. ``order`` is null for a visit's field, ``after`` null for a field that is left out;
``repair`` names the repairs that had a part in it, blank between. Where the file as a whole changed, only ``before``,
``after`` and ``repair`` say something."""

LEFT: Final[Mapping[str, Any]] = {**FINDINGS, "reason": pl.String, "reason_zh": pl.String, "reason_en": pl.String}
"""Columns of ``Fixed.left``: those of findings, and why no repair applies (``data/reasons.csv``)."""

_TO_BIG5: Final = "big5"


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """``batch``: the mended records; ``changes``: what was changed, in file order; ``left``: the findings that remain.

    ``writable``: whether the batch holds everything that the file held; false where reading found faults of structure,
    for what could not be read would be lost by writing.
    """

    batch: Batch
    changes: pl.DataFrame
    left: pl.DataFrame
    writable: bool


def fix(batch: Batch, context: Context | None = None) -> Fixed:
    """The batch with every safe repair. ``context``: as for a check, for what is left. Never raises on any content;
    ``fix(fix(batch).batch)`` changes nothing."""
    return Mender(context or Context()).fix(batch)


class Mender:
    """Mends the batches of one file one after the other."""

    def __init__(self, context: Context) -> None:
        self._checker = Checker(context)

    def fix(self, batch: Batch) -> Fixed:
        """One batch mended; see ``fix``."""
        mended, changes = _in_big5(batch)
        for step in (_values, _records):
            mended, more = step(mended)
            changes += more
        found = self._checker.check(mended)
        table = pl.concat([pl.DataFrame(schema=dict(CHANGES)), *changes])
        order = pl.col("order").fill_null(0)
        return Fixed(
            batch=mended,
            changes=table.sort(pl.col("record").fill_null(0), order, "field", maintain_order=True),
            left=with_reasons(found.frame, mended).select(list(LEFT)),
            writable=not mended.faults,
        )


def _in_big5(batch: Batch) -> tuple[Batch, list[pl.DataFrame]]:
    """A readable file in UTF-8 will be written in Big5, as the format asks."""
    if batch.encoding != "utf-8":
        return batch, []
    faults = tuple(fault for fault in batch.faults if not _says_utf8(fault))
    change = pl.DataFrame({"before": ["utf-8"], "after": [_TO_BIG5], "repair": [_TO_BIG5]})
    return replace(batch, encoding="big5", faults=faults), [_change_rows(change)]


def _says_utf8(fault: Fault) -> bool:
    return fault.code == "Y014" and fault.record is None and fault.line is None


def _values(batch: Batch) -> tuple[Batch, list[pl.DataFrame]]:
    """Repairs of values: wrong values go through all repairs that are for their field; what is then valid counts."""
    changes = []
    frames: dict[Scope, pl.DataFrame] = {"visit": batch.visits, "order": batch.orders}
    for scope, frame in frames.items():
        wrong = invalid(batch.edition, frame)
        for field in wrong.columns:
            applying = [each for each in repairs() if each.applies and each.applies(batch.edition, field)]
            if not applying or not wrong[field].any():
                continue
            mended = _mended_values(batch.edition, field, frame[field].filter(wrong[field]).unique(), applying)
            if not mended.height:
                continue
            rows = frame.select(wrong[field] & pl.col(field).is_in(mended["before"].implode())).to_series()
            told = frame.filter(rows).select(*_place(scope), pl.lit(field).alias("field"), before=field)
            told = told.join(mended, on="before", how="left", maintain_order="left")
            changes.append(_change_rows(told))
            frames[scope] = frames[scope].with_columns(_written(frames[scope][field], rows, told["after"]))
    return _with(batch, frames, changes), changes


def _mended_values(edition: Edition, field: str, values: pl.Series, applying: list[Repair]) -> pl.DataFrame:
    """The values that become valid: ``before``, ``after``, ``repair``."""
    steps = values.to_frame(field).with_columns(pl.col(field).alias("before"))
    names: list[pl.Expr] = []
    for each in applying:
        assert each.value is not None
        steps = steps.with_columns(each.value(pl.col(field), edition, field).alias("next"))
        changed = pl.col("next").ne_missing(pl.col(field))
        steps = steps.with_columns(
            pl.when(changed).then(pl.lit(each.name)).alias(f"by:{each.name}"), pl.col("next").alias(field)
        )
        names.append(pl.col(f"by:{each.name}"))
    good = ~invalid(edition, steps.select(field))[field] & (steps[field].str.strip_chars() != "").fill_null(False)
    return steps.filter(good).select(
        "before", after=pl.col(field), repair=pl.concat_str(names, separator=" ", ignore_nulls=True)
    )


def _records(batch: Batch) -> tuple[Batch, list[pl.DataFrame]]:
    """Repairs of records, one after the other, each on what the former left."""
    changes: list[pl.DataFrame] = []
    for repair in repairs():
        for proposal in repair.records(batch) if repair.records else ():
            batch, told = _applied(batch, proposal, repair.name)
            if told.height:
                changes.append(told)
    return batch, changes


def _applied(batch: Batch, proposal: Proposal, name: str) -> tuple[Batch, pl.DataFrame]:
    frame = batch.visits if proposal.scope == "visit" else batch.orders
    rows = proposal.rows & frame[proposal.field].ne_missing(proposal.values)
    after = proposal.values.filter(rows)
    told = frame.filter(rows).select(
        *_place(proposal.scope),
        pl.lit(proposal.field).alias("field"),
        before=proposal.field,
        after=after,
        repair=pl.lit(name),
    )
    mended = frame.with_columns(_written(frame[proposal.field], rows, after))
    frames = {"visit": batch.visits, "order": batch.orders} | {proposal.scope: mended}
    return _with(batch, frames, [told]), _change_rows(told)


def _written(column: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    """The column with these values in the rows that are true."""
    return column.scatter(rows.arg_true(), values).alias(column.name)


def _with(batch: Batch, frames: Mapping[Any, pl.DataFrame], changes: list[pl.DataFrame]) -> Batch:
    """The batch with these frames; what was known of the characters of changed fields no longer holds."""
    changed = {field for told in changes for field in told["field"].unique()}
    alphabets = {name: kinds for name, kinds in batch.alphabets.items() if name not in changed}
    return replace(batch, visits=frames["visit"], orders=frames["order"], alphabets=alphabets)


def _place(scope: Scope) -> Iterator[pl.Expr]:
    yield pl.col("record")
    yield pl.col("order") if scope == "order" else pl.lit(None, dtype=pl.UInt32).alias("order")


def _change_rows(told: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in CHANGES.items() if name not in told.columns]
    return told.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in CHANGES.items())
