"""Why a finding is left: values that could be mended in more than one way, content that no program may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from nhicard.checks.explanation import FOUND_WHILE_READING
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition, forms
from nhicard.institution.mending.content import content, is_institution, reasons
from nhicard.institution.mending.records import TIMES

_DAY: Final = 7  # digits
_TOTALS: Final = frozenset({"A77", "D10"})
_MISSING: Final = r"^(?:AA|AH)[0-9]*$"
# Forms of a value that could be mended if it were known what is meant; the first that fits.
_OF_KIND: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "date": (("two_readings", "^[0-9]{6}$"), ("two_readings", "^[0-9]{2}[-/.年]")),
    "time": (
        ("two_readings", "^[0-9]{12}$"),
        ("two_readings", "^[0-9]{2}[-/.年]"),
        ("no_seconds", "^[0-9]{7,8}$"),
        ("no_seconds", "^[0-9]{3,4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?(?:[ T]+[0-9]{1,2}(?::[0-9]{2})?)?$"),
    ),
    "total": (("finer_than_a_tenth", r"^[0-9]*\.[0-9]+$"),),
    "institution": (("check_digit", "^[0-9]{9}$"),),
}


def with_reasons(findings: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    """The findings with ``reason``, ``reason_zh`` and ``reason_en``: why they were not mended."""
    edition = batch.edition
    kinds = {field: of for field in forms(edition) if (of := _kind(edition, field))}
    kind = pl.col("field").replace_strict(kinds, default=None, return_dtype=pl.String)
    holds = pl.col("field").replace_strict(dict(content(edition)), default=None, return_dtype=pl.String)
    value = pl.col("value").str.strip_chars()
    doubtful = [
        pl.when((kind == of) & value.str.contains(pattern)).then(pl.lit(reason))
        for of, doubts in _OF_KIND.items()
        for reason, pattern in doubts
    ]
    named = list(reasons())
    reason = pl.coalesce(
        *doubtful,
        pl.when(pl.col("another_day")).then(pl.lit("another_day")),
        pl.when(pl.col("code").is_in(list(FOUND_WHILE_READING))).then(pl.lit("structure")),
        pl.when((value.fill_null("") == "") & pl.col("code").str.contains(_MISSING)).then(pl.lit("missing")),
        pl.when(holds.is_in(named)).then(holds),
        pl.lit("judgement"),
    )
    words = {
        "reason_zh": {each.name: each.zh for each in reasons().values()},
        "reason_en": {each.name: each.en for each in reasons().values()},
    }
    return (
        _with_other_days(findings, batch)
        .with_columns(reason=reason)
        .with_columns(pl.col("reason").replace_strict(said).alias(name) for name, said in words.items())
    )


def _kind(edition: Edition, field: str) -> str | None:
    form = forms(edition)[field]
    if is_institution(form):
        return "institution"
    if field in _TOTALS:
        return "total"
    return form.form if form.form in ("date", "time") else None


def _with_other_days(findings: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    """``another_day``: whether the finding is on the time of an order that is of another day than its visit."""
    of_visit, of_order = TIMES[batch.edition]
    day = pl.col(of_order).str.head(_DAY)
    visits = batch.visits[of_visit][batch.orders["visit"]].str.head(_DAY)
    apart = batch.orders.filter(batch.orders.select(day).to_series() != visits).select(
        "record", "order", field=pl.lit(of_order), another_day=pl.lit(True)
    )
    joined = findings.join(apart, on=["record", "order", "field"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("another_day").fill_null(False))
