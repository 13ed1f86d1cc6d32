"""From waiting visits to files that are ready to be sent: checked first, and put on disk before anything leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import polars as pl
import pyarrow as pa

from nhicard.checks import Context
from nhicard.checks.engine import Checker
from nhicard.formats.batch import Batch, chosen, concat
from nhicard.formats.writer import UnwritableValue, write
from nhicard.institution.outbox.content import as_visits
from nhicard.institution.outbox.kinds import Kind
from nhicard.institution.outbox.store import Outbox, told
from nhicard.institution.visits import Visits, deletion20, write10, write20

_CODEC: Final = "zstd"
_NOT_BIG5: Final = "Y014"
#: Of a record that edition 2.0 holds: another key is another record, and the old one must be deleted.
_KEY20: Final = ("data_type", "patient_id", "institution", "visit_time", "visit_identifier")
_DUE: Final = {
    "visit": pl.Int64,
    "content": pl.String,
    "revision": pl.Int64,
    "was_rejected": pl.Int64,
    "stored": pl.String,
    "withdrawn": pl.Int64,
}
_SELECT_DUE: Final = """
SELECT v.id, v.content, v.revision, coalesce(t.was_rejected, 0),
    CASE WHEN t.stored THEN coalesce(t.told, v.content) END,
    v.withdrawn_at IS NOT NULL
FROM visit v LEFT JOIN track t ON t.visit = v.id AND t.kind = :kind
WHERE (t.state = 'waiting' OR (t.visit IS NULL AND v.withdrawn_at IS NULL))
  AND (:since IS NULL OR v.visit_at >= :since OR NOT EXISTS (
      SELECT 1 FROM track o WHERE o.visit = v.id AND o.kind = 'B1' AND o.state = 'accepted'))
ORDER BY v.visit_at, v.id LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of the visits that waited: in a file, held back by the check, left out of the edition."""

    sent: int = 0
    held: int = 0
    left_out: int = 0

    def __add__(self, other: Packed) -> Packed:
        return Packed(self.sent + other.sent, self.held + other.held, self.left_out + other.left_out)

    def __bool__(self) -> bool:
        return bool(self.sent or self.held or self.left_out)


def pack(outbox: Outbox, kind: Kind, context: Context, most: int, *, hold: bool = True) -> Packed:
    """Take up to ``most`` visits that wait for this kind of upload; nothing is taken twice, whatever happens.

    ``context.as_of`` is the moment. ``hold``: what the check would reject stays here for mending; else it goes all the
    same. After the switch (``kind.must`` and 2.0) visits that 1.0 has accepted before it are not sent again.
    """
    now = context.as_of
    since = outbox.switched_at if kind.must and kind.edition == "2.0" else None
    asked: Any = {"kind": kind.code, "since": since and told(since), "most": most}
    due = outbox.frame(_SELECT_DUE, asked, _DUE)
    if not due.height:
        return Packed()
    deletes = _must_be_deleted(due, kind)
    deletion, rest = due.filter(deletes), due.filter(~deletes & (due["withdrawn"] == 0))
    done = Packed()
    if deletion.height:
        _keep(outbox, kind, now, deletion20(as_visits(deletion["stored"])), deletion, "deleting")
        done += Packed(sent=deletion.height)
    if rest.height:
        done += _pack_records(outbox, kind, context, rest, hold=hold)
    return done


def _must_be_deleted(due: pl.DataFrame, kind: Kind) -> pl.Series:
    """Whether 2.0 holds a record of the visit that must go before anything else: taken back, for real, or of another
    key (a pre-check of the same key takes the earlier one's place)."""
    holds = due["stored"].is_not_null()
    if kind.edition == "1.0" or not holds.any():
        return pl.repeat(False, due.height, eager=True)
    same = pl.Series([False] * due.height)
    rows = holds.arg_true()
    before, after = as_visits(due["stored"].gather(rows)).visits, as_visits(due["content"].gather(rows)).visits
    equal = (
        before.select(_KEY20).with_columns(pl.all().fill_null("")).hash_rows()
        == after.select(_KEY20).with_columns(pl.all().fill_null("")).hash_rows()
    )
    same = same.scatter(rows, equal)
    return holds & ((due["withdrawn"] == 1) | ~same | pl.repeat(not kind.is_precheck, due.height, eager=True))


def _pack_records(outbox: Outbox, kind: Kind, context: Context, due: pl.DataFrame, *, hold: bool) -> Packed:
    batch, rows, left_out = _written(kind, as_visits(due["content"]), due["was_rejected"] == 1)
    if left_out.height:
        _leave_out(outbox, kind, due, left_out)
    records = due[rows]
    checked = replace(context, is_precheck=kind.is_precheck)
    found = Checker(checked).check(batch).frame if batch.visits.height else None
    bad = pl.Series([False] * records.height, dtype=pl.Boolean)
    if hold and found is not None:
        refused = found.filter(pl.col("severity") == "reject")["record"].drop_nulls().unique()
        bad = batch.visits["record"].is_in(refused.implode())
        _hold(outbox, kind, records, bad, found, context.as_of)
    held = int(bad.sum())
    kept, sent = chosen(batch, ~bad), records.filter(~bad)
    if sent.height:
        held += _keep(outbox, kind, context.as_of, kept, sent, "sent")
    return Packed(records.height - held, held, due.height - records.height)


def _written(kind: Kind, visits: Visits, corrects: pl.Series) -> tuple[Batch, pl.Series, pl.DataFrame]:
    """The batch, the row of each of its records, and what the edition cannot tell (row, zh, en)."""
    if kind.edition == "2.0":
        nothing = pl.DataFrame(schema={"row": pl.UInt32, "zh": pl.String, "en": pl.String})
        return write20(visits), pl.arange(visits.visits.height, eager=True), nothing
    batches, rows, left_out = [], [], []
    for correction in (False, True):
        mine = (corrects if correction else ~corrects).arg_true()
        if not len(mine):
            continue
        told10 = write10(visits.part(mine), correction=correction)
        batches.append(told10.batch)
        rows.append(mine.gather(told10.rows))
        whole = told10.left_out.filter(pl.col("order").is_null()).unique("visit", keep="first")
        whole = whole.filter(~pl.col("visit").is_in(told10.rows.implode()))
        left_out.append(whole.select(row=mine.gather(whole["visit"]), zh="text_zh", en="text_en"))
    batch = concat(batches)
    numbered = chosen(batch, pl.repeat(True, batch.visits.height, eager=True))
    return numbered, pl.concat(rows), pl.concat(left_out)


def _keep(outbox: Outbox, kind: Kind, now: datetime, batch: Batch, records: pl.DataFrame, state: str) -> int:
    """The batch as a file on disk, ready to be sent; how many records an upload file cannot hold."""
    unwritable = 0
    while True:
        try:
            content = write(batch)
            break
        except UnwritableValue as error:
            at = batch.visits["record"] == error.record
            fault = pl.DataFrame(
                {"record": [error.record], "order": [error.order], "field": [error.field], "code": [_NOT_BIG5],
                 "severity": ["reject"], "value": [error.character]}
            )  # fmt: skip
            _hold(outbox, kind, records, at, fault, now)
            batch, records = chosen(batch, ~at), records.filter(~at)
            unwritable += 1
            if not records.height:
                return unwritable
    stored = _unlike_others(outbox, kind, content, records.height)
    with outbox.writing() as cursor:
        cursor.execute(
            "INSERT INTO upload (kind, content, records, made_at, state, next_at) VALUES (?, ?, ?, ?, 'ready', ?)",
            [kind.code, stored, records.height, told(now), told(now)],
        )
        # what is to be deleted is told as it was sent; of a new record the visit's content is what was sent
        was_told = pl.col("stored") if state == "deleting" else pl.lit(None, pl.String)
        tracks = records.with_columns(record=batch.visits["record"]).select(
            "visit",
            pl.lit(kind.code).alias("kind"),
            pl.lit(state).alias("state"),
            "revision",
            pl.lit(cursor.lastrowid).alias("upload"),
            "record",
            was_told.alias("told"),
        )
        cursor.executemany(_TRACK_SENT, tracks.rows())
    return unwritable


def _unlike_others(outbox: Outbox, kind: Kind, content: bytes, records: int) -> bytes:
    """The file as it is stored, with a further line break at its end for each earlier one of the same bytes.

    A visit that was changed and changed back is told as it was told before; the insurer would take the same bytes for
    the upload that it has already, and leave in force what came between. One that was never answered is sent as it was.
    """
    while True:
        packed = bytes(pa.compress(content, codec=_CODEC, asbytes=True))
        stored = len(content).to_bytes(8, "big") + packed
        if not outbox.rows(_SAME_BYTES, [kind.code, records, len(stored), stored]):
            return stored
        content += b"\n"


# the length is compared first, for it is known without reading the file
_SAME_BYTES: Final = """
SELECT 1 FROM upload
WHERE kind = ? AND records = ? AND length(content) = ? AND content = ? AND state <> 'unanswered' LIMIT 1
"""


def content_of(outbox: Outbox, upload: int) -> bytes:
    """An upload's bytes as they are, or were, sent."""
    (stored,) = outbox.rows("SELECT content FROM upload WHERE id = ?", [upload])[0]
    return bytes(pa.decompress(stored[8:], int.from_bytes(stored[:8], "big"), codec=_CODEC, asbytes=True))


def _hold(
    outbox: Outbox, kind: Kind, records: pl.DataFrame, bad: pl.Series, found: pl.DataFrame, now: datetime
) -> None:
    if not bad.any():
        return
    mine = records.select("visit", "revision").with_columns(record=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32))
    held = mine.filter(bad)
    facts = found.select(pl.col("record").cast(pl.UInt32), "order", "field", "code", "severity", "value")
    facts = facts.join(held, on="record").select("visit", "order", "field", "code", "severity", "value")
    code, at = pl.lit(kind.code).alias("kind"), pl.lit(told(now)).alias("found_at")
    with outbox.writing() as cursor:
        cursor.executemany("DELETE FROM finding WHERE visit = ? AND kind = ?", held.select("visit", code).rows())
        rows = facts.select("visit", code, at, pl.exclude("visit")).rows()
        cursor.executemany("INSERT INTO finding VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)", rows)
        cursor.executemany(_TRACK_HELD, held.select("visit", code, "revision").rows())


def _leave_out(outbox: Outbox, kind: Kind, due: pl.DataFrame, left_out: pl.DataFrame) -> None:
    visits = due.select("visit", "revision")[left_out["row"]]
    rows = visits.select(
        "visit",
        pl.lit(kind.code).alias("kind"),
        "revision",
        pl.lit(left_out["zh"] + " " + left_out["en"]).alias("reason"),
    )
    with outbox.writing() as cursor:
        cursor.executemany(_TRACK_LEFT_OUT, rows.rows())


_TRACK: Final = "INSERT INTO track (visit, kind, {}) VALUES (?, ?, {}) ON CONFLICT (visit, kind) DO UPDATE SET {}"


def _upsert(settings: dict[str, str]) -> str:
    updates = ", ".join(f"{name} = excluded.{name}" for name in settings)
    return _TRACK.format(", ".join(settings), ", ".join(settings.values()), updates)


_TRACK_SENT: Final = _upsert({"state": "?", "revision": "?", "upload": "?", "record": "?", "told": "?"})
_TRACK_HELD: Final = _upsert({"state": "'held'", "revision": "?"})
_TRACK_LEFT_OUT: Final = _upsert({"state": "'left out'", "revision": "?", "reason": "?"})
