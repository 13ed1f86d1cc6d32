"""What an answer of the insurer means for each visit of the file."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from nhicard.formats import Batch, read
from nhicard.institution.agent.packing import content_of
from nhicard.institution.insurer import Answer
from nhicard.institution.outbox.kinds import Kind
from nhicard.institution.outbox.store import Outbox, told
from nhicard.institution.results import Result, read_results
from nhicard.institution.results.result import SCHEMA

#: The record is stored already: by an earlier file of ours whose answer was lost.
_DUPLICATE: Final = "C001"
#: What is to be deleted is not there: so it is gone.
_NOTHING_TO_DELETE: Final = "D001"


def settle(outbox: Outbox, upload: int, kind: Kind, answer: Answer, now: datetime) -> None:
    """Write down what became of each record of the file. Raises ValueError where the answer cannot be that of this
    file; then nothing is changed."""
    result = _read(answer, now)
    tracks = outbox.frame(
        "SELECT visit, state, record FROM track WHERE upload = ? AND state IN ('sent', 'deleting')",
        [upload],
        {"visit": pl.Int64, "state": pl.String, "record": pl.UInt32},
    )
    (records,) = outbox.rows("SELECT records FROM upload WHERE id = ?", [upload])[0]
    _require_whole(result, answer, records)
    if result is not None:
        _require_same_records(result, read(content_of(outbox, upload)))
    found = pl.DataFrame(schema=_FINDING) if result is None else result.findings.select(list(_FINDING))
    whole_file = bool((found["severity"] == "file").any())
    rejects = found.filter(pl.col("severity") == "reject")
    bad = rejects.group_by("record").agg(codes=pl.col("code").unique())
    rows = tracks.join(bad, on="record", how="left")
    deleting = pl.col("state") == "deleting"
    good = pl.col("codes").is_null() & pl.lit(not whole_file)
    rows = rows.with_columns(
        new=pl.when(deleting)
        .then(pl.when(good | _only(_NOTHING_TO_DELETE)).then(pl.lit("deleted")).otherwise(pl.lit("rejected")))
        .when(good | _only(_DUPLICATE))
        .then(pl.lit("accepted"))
        .otherwise(pl.lit("rejected")),
        was_rejected=pl.lit(not whole_file),
    )
    _write(outbox, upload, kind, rows, found, answer, now)


def _only(code: str) -> pl.Expr:
    return (pl.col("codes").list.len() == 1) & (pl.col("codes").list.first() == code)


_FINDING: Final = {
    "record": pl.UInt32,
    "order": pl.UInt32,
    "field": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "value": pl.String,
}


def _read(answer: Answer, now: datetime) -> Result | None:
    """The one result in the answer; None where the insurer has nothing to say of any record."""
    if not answer.content.strip():
        return None
    results = read_results(answer.content, now=now)
    if len(results) != 1:
        raise ValueError(f"{len(results)} results in one answer")
    return results[0]


def _require_whole(result: Result | None, answer: Answer, records: int) -> None:
    """That nothing of the answer was misunderstood: else a rejected visit might count as accepted."""
    counted = answer.counts.get("records")
    if result is None:
        if answer.counts.get("rejected", 0) or counted not in (None, records):
            raise ValueError("the answer has counts that do not fit the file")
        return
    if result.unread:
        raise ValueError(f"line {result.unread[0].line} of the result is not understood")
    if not result.counts_agree:
        raise ValueError("the result's counts are not those of its records")
    if not result.whole_file_rejected and (counted or result.records) not in (None, records):
        raise ValueError(f"the result is of {result.records} records, the file had {records}")


def _require_same_records(result: Result, batch: Batch) -> None:
    """That the records it speaks of are those of this file: by every field that it shows of them."""
    told = result.findings.filter(pl.col("record").is_not_null())
    shown = [name for name in told.columns if name in batch.visits.columns and name not in SCHEMA]
    ours = told.select("record", *shown).join(
        batch.visits.select("record", *(pl.col(name).alias(f"our {name}") for name in shown)), on="record", how="left"
    )
    for name in shown:
        differs = (pl.col(name).str.strip_chars() != pl.col(f"our {name}").fill_null("").str.strip_chars()).fill_null(
            False
        )
        if ours.select(differs.any()).item():
            raise ValueError(f"the result shows other records than the file has ({name})")


def _write(
    outbox: Outbox, upload: int, kind: Kind, rows: pl.DataFrame, found: pl.DataFrame, answer: Answer, now: datetime
) -> None:
    of_visit = found.join(rows.select("visit", "record"), on="record")
    if rows.height and (found["severity"] == "file").any():
        whole = found.filter(pl.col("severity") == "file").join(rows.select("visit"), how="cross")
        of_visit = pl.concat([of_visit, whole.select(of_visit.columns)])
    facts = of_visit.select("visit", "order", "field", "code", "severity", "value")
    code, at = pl.lit(kind.code).alias("kind"), pl.lit(told(now)).alias("at")
    with outbox.writing() as cursor:
        cursor.execute(
            "UPDATE upload SET state = 'answered', answered_at = ?, result = ?, trouble = '' WHERE id = ?",
            [told(now), answer.content, upload],
        )
        cursor.executemany("DELETE FROM finding WHERE visit = ? AND kind = ?", rows.select("visit", code).rows())
        findings = facts.select("visit", code, at, pl.exclude("visit")).rows()
        cursor.executemany("INSERT INTO finding VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?)", findings)
        for state, statement in _BECOMES.items():
            mine = rows.filter(pl.col("new") == state)
            values = mine.select("visit", code, at, was=pl.col("was_rejected").cast(pl.Int64))
            cursor.executemany(statement, values.to_dicts())


# A visit that changed while its file was away waits again at once: an accepted one of 1.0 cannot be corrected.
# One taken back and never accepted is done with.
_BECOMES: Final = {
    "accepted": """
        UPDATE track SET accepted_at = :at, was_rejected = 0, stored = 1,
            state = CASE WHEN kind <> 'B1' AND (v.revision > track.revision OR v.withdrawn_at IS NOT NULL)
                    THEN 'waiting' ELSE 'accepted' END
        FROM visit v WHERE v.id = track.visit AND track.visit = :visit AND kind = :kind""",
    "rejected": """
        UPDATE track SET was_rejected = max(was_rejected, :was),
            state = CASE WHEN v.withdrawn_at IS NOT NULL AND NOT stored THEN 'deleted'
                    WHEN v.revision > track.revision OR (v.withdrawn_at IS NOT NULL AND kind <> 'B1') THEN 'waiting'
                    ELSE 'rejected' END
        FROM visit v WHERE v.id = track.visit AND track.visit = :visit AND kind = :kind""",
    "deleted": """
        UPDATE track SET stored = 0, told = NULL, accepted_at = NULL, was_rejected = 0,
            state = CASE WHEN v.withdrawn_at IS NULL THEN 'waiting' ELSE 'deleted' END
        FROM visit v WHERE v.id = track.visit AND track.visit = :visit AND kind = :kind""",
}
