"""What the check found into the tables: visits, orders, findings, the submissions' counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import polars as pl
from django.db import models

from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import Edition, order_fields, visit_fields
from nhicard.insurer.intake.kinds import KINDS, kept_for
from nhicard.insurer.intake.models import Finding, Order, State, Submission, Visit, VisitState
from nhicard.insurer.intake.services import bulk
from nhicard.insurer.intake.services.checking import Checked

#: Where each typed column of a visit comes from, by edition; blank where the edition has no such field.
_COLUMNS: Final[Mapping[str, Mapping[Edition, str]]] = {
    "data_type": {"1.0": "A00", "2.0": "H00"},
    "upload_kind": {"1.0": "A01", "2.0": "H01"},
    "institution": {"1.0": "A14", "2.0": "M05"},
    "patient_id": {"1.0": "A12", "2.0": "M03"},
    "staff_id": {"1.0": "A15", "2.0": "M06"},
    "category": {"1.0": "A23", "2.0": "M07"},
    "visit_time": {"1.0": "A17", "2.0": "M11"},
    "sequence": {"1.0": "A18", "2.0": "M13"},
    "identifier": {"1.0": "", "2.0": "M15"},
    "original_identifier": {"1.0": "", "2.0": "M16"},
    "original_institution": {"1.0": "", "2.0": "M17"},
    "actual_identifier": {"1.0": "", "2.0": "M52"},
}
_ACTUAL_TIME: Final[Mapping[Edition, str]] = {"1.0": "A54", "2.0": "M49"}
_ORDER_CODE: Final[Mapping[Edition, str]] = {"1.0": "A73", "2.0": "D06"}
_NULL_FIELDS: Final = r'"[A-Z][0-9]{2}":null,?'


def store(checked: Checked, assumptions: Assumptions) -> pl.DataFrame:
    """Write a batch; returns its visits with ``file``, ``number``, ``state`` and the typed columns."""
    visits = _visits(checked, assumptions)
    ids = pl.Series([submission.pk for submission in checked.submissions], dtype=pl.Int64)
    of_file = pl.lit(ids).gather(pl.col("file")).alias("submission_id")
    kept = visits.with_columns(of_file)
    bulk.insert(Visit, kept.select("submission_id", record="number", **{name: name for name in _STORED}))
    bulk.insert(Order, _orders(checked, kept))
    findings = checked.findings.with_columns(of_file)
    wanted = ["submission_id", "order", "field", "code", "severity", "value", "line"]
    bulk.insert(Finding, findings.select(*wanted, record="number"))
    return kept


_STORED: Final = (
    *("edition", "is_precheck", "channel", "state", "received_at", "visit_month", "visit_date"),
    *(*_COLUMNS, "key", "fields"),
)


def settle(
    submission: Submission, visits: pl.DataFrame, orders: pl.DataFrame, findings: pl.DataFrame, now: datetime
) -> None:
    """Write the counts of a submission that is checked. The frames are the submission's own rows."""
    accepted = visits.filter(pl.col("state") == VisitState.ACCEPTED)["number"]
    warned = findings.filter(pl.col("number").is_in(accepted.implode()))["number"].n_unique()
    submission.state = State.CHECKED
    submission.checked_at = now.replace(microsecond=0)
    submission.records = visits.height
    submission.orders = orders.height
    submission.accepted = len(accepted)
    submission.accepted_with_warnings = warned
    submission.rejected = visits.height - len(accepted)
    submission.accepted_orders = orders.filter(pl.col("number").is_in(accepted.implode())).height
    submission.result_until = submission.checked_at + kept_for(KINDS[submission.kind], submission.channel)
    submission.save()


def order_numbers(checked: Checked) -> pl.DataFrame:
    """The file and the record's number of each order of the batch."""
    return checked.files.select("file", "number")[checked.batch.orders["visit"]]


def _visits(checked: Checked, assumptions: Assumptions) -> pl.DataFrame:
    batch, edition = checked.batch, checked.batch.edition
    kinds = [KINDS[submission.kind] for submission in checked.submissions]
    by_file = pl.DataFrame(
        {
            "file": pl.Series(range(len(kinds)), dtype=pl.UInt32),
            "is_precheck": [kind.is_precheck for kind in kinds],
            "channel": [str(submission.channel) for submission in checked.submissions],
            "received_at": pl.Series([each.received_at for each in checked.submissions], dtype=pl.Datetime("us")),
        }
    )
    rejected = checked.findings.filter(pl.col("severity") == "reject")["record"].unique()
    whole = checked.findings.filter(pl.col("severity") == "file")["file"].unique()
    typed = [
        (pl.col(source[edition]).str.strip_chars().fill_null("") if source[edition] else pl.lit("")).alias(name)
        for name, source in _COLUMNS.items()
    ]
    refused = pl.col("record").is_in(rejected.implode()) | pl.col("file").is_in(whole.implode())
    day = pl.coalesce(_day(_ACTUAL_TIME[edition]), _day(_COLUMNS["visit_time"][edition]))
    return (
        batch.visits.hstack(checked.files.select("file", "number"))
        .with_columns(*typed, fields=_as_json(visit_fields(edition)), visit_date=day)
        .select("record", "file", "number", *_COLUMNS, "fields", "visit_date")
        .join(by_file, on="file", how="left", maintain_order="left")
        .with_columns(
            edition=pl.lit(edition),
            visit_month=pl.col("visit_date").dt.month_start(),
            state=pl.when(refused).then(pl.lit(VisitState.REJECTED.value)).otherwise(pl.lit(VisitState.ACCEPTED.value)),
            key=_key(edition, assumptions),
        )
        .with_columns(_cut(name) for name in _COLUMNS)
    )


def _cut(name: str) -> pl.Expr:
    """A value too long for its column is a rejected one; the whole of it stands in ``fields``."""
    field = Visit._meta.get_field(name)
    assert isinstance(field, models.CharField)
    return pl.col(name).str.head(field.max_length or 0)


def _key(edition: Edition, assumptions: Assumptions) -> pl.Expr:
    """The record's key: for vaccination records of 1.0 as for visits, by the fields that they have."""
    names = {source[edition]: name for name, source in _COLUMNS.items() if source[edition]}
    parts = [pl.col(names[field]) for field in assumptions[f"record_key_{edition.replace('.', '')}"]]
    scope = pl.concat_str(pl.lit(f"{edition} "), pl.col("is_precheck").cast(pl.Int8).cast(pl.String))
    return pl.concat_str(scope, *parts, separator=" ").str.head(100)


def _day(field: str) -> pl.Expr:
    return rocdate.as_date(pl.col(field).str.strip_chars().str.head(7))


def _as_json(fields: tuple[str, ...] | list[str]) -> pl.Expr:
    return pl.struct(fields).struct.json_encode().str.replace_all(_NULL_FIELDS, "").str.replace(",}", "}", literal=True)


def _orders(checked: Checked, visits: pl.DataFrame) -> pl.DataFrame:
    """Orders of accepted records."""
    edition = checked.batch.edition
    orders = checked.batch.orders
    of_visit = visits.select("submission_id", "number", "state")[orders["visit"]]
    return (
        orders.with_columns(
            of_visit.get_columns(),
        )
        .filter(pl.col("state") == VisitState.ACCEPTED)
        .select(
            "submission_id",
            "order",
            record="number",
            code=pl.col(_ORDER_CODE[edition]).str.strip_chars().fill_null("").str.head(20),
            fields=_as_json(order_fields(edition)),
        )
    )
