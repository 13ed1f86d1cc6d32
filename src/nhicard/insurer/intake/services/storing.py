"""What the check found into the tables: visits, orders, findings, the submissions' counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import polars as pl
from django.db import models

from nhicard.checks.facts.entries import only_deletes_entries
from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition, order_fields, visit_fields
from nhicard.insurer.intake.kinds import KINDS, kept_for
from nhicard.insurer.intake.models import Finding, InForce, Order, State, Submission, Trace, Visit, VisitState
from nhicard.insurer.intake.services import bulk
from nhicard.insurer.intake.services.checking import Joint
from nhicard.insurer.intake.services.effects import INSTRUCTIONS
from nhicard.insurer.intake.tracing import traces

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
_REFILL_FIELDS: Final = ("M26", "M29", "M33", "M34")
_NULL_FIELDS: Final = r'"[A-Z][0-9]{2}":null,?'

_STORED: Final = (
    *("edition", "is_precheck", "channel", "state", "received_at", "visit_month", "visit_date"),
    *(*_COLUMNS, "key", "fields"),
)


def typed(joint: Joint, assumptions: Assumptions) -> pl.DataFrame:
    """The batch's visits as they are stored, a row each in the batch's order, ``state`` still to come.

    Beside the stored columns: ``record file number submission_id`` and ``changes_entries`` (the record does nothing but
    delete allergy entries of another one with its key).
    """
    batch, edition = joint.batch, joint.edition
    by_file = pl.DataFrame(
        {
            "file": pl.Series(range(len(joint.submissions)), dtype=pl.UInt32),
            "submission_id": pl.Series([each.pk for each in joint.submissions], dtype=pl.Int64),
            "channel": [str(each.channel) for each in joint.submissions],
            "received_at": pl.Series([each.received_at for each in joint.submissions], dtype=pl.Datetime("us")),
        }
    )
    texts = [
        (pl.col(source[edition]).str.strip_chars().fill_null("") if source[edition] else pl.lit("")).alias(name)
        for name, source in _COLUMNS.items()
    ]
    day = pl.coalesce(_day(_ACTUAL_TIME[edition]), _day(_COLUMNS["visit_time"][edition]))
    return (
        _with_vaccination(batch)
        .hstack(joint.files.select("file", "number"))
        .with_columns(changes_entries=only_deletes_entries(batch))
        .with_columns(batch.visits.select(fields=_as_json(visit_fields(edition))).to_series())
        .with_columns(*texts, visit_date=day)
        .select("record", "file", "number", "changes_entries", *_COLUMNS, "fields", "visit_date")
        .join(by_file, on="file", how="left", maintain_order="left")
        .with_columns(
            edition=pl.lit(edition),
            is_precheck=pl.lit(joint.is_precheck),
            visit_month=pl.coalesce("visit_date", pl.col("received_at").dt.date()).dt.month_start(),
        )
        .with_columns(_cut(name) for name in _COLUMNS)
        .with_columns(key=_key(edition, assumptions))
    )


def with_states(visits: pl.DataFrame, findings: pl.DataFrame, refused_files: pl.Series) -> pl.DataFrame:
    """The rows with what became of them: accepted, carried out, or rejected by a finding of theirs or of the file."""
    rejected = findings.filter(pl.col("severity") == "reject")["record"].drop_nulls().unique()
    refused = pl.col("record").is_in(rejected.implode()) | pl.col("file").is_in(refused_files.implode())
    instructs = pl.col("upload_kind").is_in(INSTRUCTIONS) | pl.col("changes_entries")
    return visits.with_columns(
        state=pl.when(refused)
        .then(pl.lit(VisitState.REJECTED.value))
        .when(instructs)
        .then(pl.lit(VisitState.CARRIED_OUT.value))
        .otherwise(pl.lit(VisitState.ACCEPTED.value))
    )


def write_visits(visits: pl.DataFrame) -> None:
    """Visits with their states. Raises IntegrityError where another worker brought one of these keys into force."""
    accepted = visits.filter(pl.col("state") == VisitState.ACCEPTED)
    # in one order, so that two workers with the same keys wait for each other once at most
    bulk.insert(InForce, accepted.select("key", "submission_id", "visit_month", record="number").sort("key"))
    bulk.insert(Visit, visits.select("submission_id", record="number", **{name: name for name in _STORED}))
    bulk.insert(Trace, traces(visits))


def write_orders(part: Batch, visits: pl.DataFrame) -> None:
    """The orders of a part's records that were not rejected; ``visits`` are the part's rows."""
    of_visit = visits.select("submission_id", "number", "visit_month", "state")[part.orders["visit"]]
    accepted = part.orders.with_columns(of_visit.get_columns()).filter(pl.col("state") != VisitState.REJECTED)
    code = pl.col(_ORDER_CODE[part.edition]).str.strip_chars().fill_null("").str.head(20)
    fields = _as_json(order_fields(part.edition))
    rows = accepted.select("submission_id", "visit_month", "order", record="number", code=code, fields=fields)
    bulk.insert(Order, rows)


def write_findings(findings: pl.DataFrame, submissions: Sequence[Submission]) -> None:
    """Findings with ``file`` and ``number``."""
    ids = pl.DataFrame(
        {
            "file": pl.Series(range(len(submissions)), dtype=pl.UInt32),
            "submission_id": pl.Series([each.pk for each in submissions], dtype=pl.Int64),
        }
    )
    rows = findings.join(ids, on="file", how="left", maintain_order="left")
    wanted = ["submission_id", "order", "field", "code", "severity", "value", "line"]
    # a fault outside all fields (a missing </RECS>, a file in UTF-8) stands for the file as a whole
    rows = rows.with_columns(pl.col("field").fill_null("*"))
    bulk.insert(Finding, rows.select(*wanted, record="number"))


def refill_fields(part: Batch) -> pl.DataFrame:
    """What a part's records say of refills, row by row; empty texts where the edition has no such field."""
    sent = [name for name in _REFILL_FIELDS if name in part.visits.columns]
    texts = (pl.col(name).fill_null("") if name in sent else pl.lit("").alias(name) for name in _REFILL_FIELDS)
    return part.visits.with_columns(texts).select(_REFILL_FIELDS)


def settle(joint: Joint, visits: pl.DataFrame, findings: pl.DataFrame, now: datetime) -> None:
    """Write the counts of every submission of the batch; ``visits`` with states, in any order."""
    good = pl.col("state").is_in([VisitState.ACCEPTED.value, VisitState.CARRIED_OUT.value])
    warned = findings.select("file", "number").drop_nulls().unique()
    by_file = visits.group_by("file").agg(
        records=pl.len(),
        accepted=good.sum(),
        accepted_with_warnings=(
            good & pl.struct("file", "number").is_in(warned.select(pl.struct("file", "number")).to_series().implode())
        ).sum(),
    )
    per_visit = joint.batch.orders.group_by("record").agg(orders=pl.len())
    orders = visits.select("record", "file", good.alias("good")).join(per_visit, on="record")
    of_orders = orders.group_by("file").agg(
        orders=pl.col("orders").sum(), accepted_orders=pl.col("orders").filter(pl.col("good")).sum()
    )
    counts = {row["file"]: row for row in by_file.join(of_orders, on="file", how="left").iter_rows(named=True)}
    for place, submission in enumerate(joint.submissions):
        count = counts.get(place, {})
        submission.state, submission.claim, submission.claimed_until = State.CHECKED, "", None
        # a clock that was set back must not shorten what was promised
        submission.checked_at = max(now.replace(microsecond=0), submission.received_at)
        submission.encoding = joint.encodings[place]
        for name in ("records", "orders", "accepted", "accepted_with_warnings", "accepted_orders"):
            setattr(submission, name, count.get(name) or 0)
        submission.rejected = (submission.records or 0) - (submission.accepted or 0)
        submission.result_until = submission.checked_at + kept_for(KINDS[submission.kind], submission.channel)
    bulk.update(joint.submissions, _SETTLED)


_SETTLED: Final = [
    *("state", "claim", "claimed_until", "checked_at", "encoding", "result_until"),
    *("records", "orders", "accepted", "accepted_with_warnings", "rejected", "accepted_orders"),
]


def _with_vaccination(batch: Batch) -> pl.DataFrame:
    """Visits, in which vaccination records of 1.0 (A00=2) have time and institution of their first vaccination."""
    if batch.edition != "1.0" or "A62" not in batch.orders.columns:
        return batch.visits
    sent = batch.orders.filter(pl.col("A62").str.strip_chars() != "").unique("visit", keep="first", maintain_order=True)
    rows = pl.int_range(batch.visits.height, dtype=pl.UInt32, eager=True).alias("visit").to_frame()
    first = rows.join(sent.select("visit", "A62", "A63"), on="visit", how="left", maintain_order="left")
    wide = batch.visits.hstack(first.select(time="A62", place="A63"))
    vaccination = (pl.col("A00") == "2") & pl.col("time").is_not_null()
    place = pl.when(vaccination & (pl.col("place").str.strip_chars() != "")).then("place").otherwise("A14")
    return wide.with_columns(A17=pl.when(vaccination).then("time").otherwise("A17"), A14=place).drop("time", "place")


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
