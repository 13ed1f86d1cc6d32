"""The engine: a batch and a context in, findings out; columns all the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.checks.columns import column_maker
from nhicard.checks.context import Context
from nhicard.checks.facts import columns as facts
from nhicard.checks.facts import is_past
from nhicard.checks.facts.past import Past
from nhicard.checks.faults import fault_frame
from nhicard.checks.findings import SCHEMA, Findings, empty_frame, join
from nhicard.checks.once_a_file import Repeats
from nhicard.checks.plan import COMMON, Check, Plan, plan
from nhicard.checks.rule import Scope, order_question
from nhicard.formats.batch import Alphabet, Batch
from nhicard.formats.tables import Edition, forms
from nhicard.identity import national_id

# Fields that decide which rules apply: a record in which one of them is wrong (Y008) gets no other findings.
KEY_FIELDS: Final[dict[Edition, tuple[str, ...]]] = {
    "1.0": ("A00", "A01", "A23"),
    "2.0": ("H00", "H01", "M07", "M23"),
}
_NATURAL_KEY: Final[dict[Edition, tuple[str | None, str, str]]] = {
    "1.0": (None, "A17", "A12"),
    "2.0": ("M15", "M11", "M03"),
}
# Faults behind which a record's fields cannot be trusted.
_UNTRUSTED: Final = frozenset({"Y002", "Y003", "Y005", "Y006"})


def check(batch: Batch, context: Context | None = None) -> Findings:
    """Apply every rule that can be decided from the batch, the lists and the moment of upload.

    Returns all findings, in file order. Never raises on any content of the batch.
    """
    return Checker(context or Context()).check(batch)


class Checker:
    """Checks the batches of one file one after the other; remembers what a file may hold only once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._repeats = Repeats()

    def check(self, batch: Batch, files: pl.DataFrame | None = None) -> Findings:
        """Findings of one batch.

        ``files``: where the batch holds records of several files, a row a visit with the file's number (``file``,
        UInt32), the institution of its SAM (``uploader``), the moment of its upload (``now``) and, if known, the
        address that it came from (``sender``), which take the place of the context's; all moments lie on the context's
        day. Verdicts are the records' own: a finding of severity ``file`` in another batch of the file rejects them
        all the same (see ``Tally.settle``)."""
        context = self.context
        found_plan = plan(
            batch.edition,
            context.references,
            context.assumptions,
            uploader_known=context.institution is not None or files is not None,
            keys_known=context.verifier is not None,
            history_known=context.history is not None,
        )
        frames = [fault_frame(batch, context)]
        untrusted = _untrusted(batch)
        if batch.visits.height:
            frames += list(self._apply(batch, found_plan, untrusted, files))
        frame = _with_keys(join(frames), batch)
        accepted, warned, rejected = _verdicts(frame, batch)
        return Findings(
            edition=batch.edition,
            encoding=batch.encoding,
            records=batch.visits.height,
            orders=batch.orders.height,
            accepted=accepted,
            accepted_with_warnings=warned,
            rejected=rejected,
            rules_off=tuple(found_plan.rules_off),
            frame=frame,
        )

    def _apply(
        self, batch: Batch, found_plan: Plan, untrusted: NDArray[np.bool_], files: pl.DataFrame | None
    ) -> Iterator[pl.DataFrame]:
        visits, orders = _frames(batch, found_plan, self.context, files)
        rows: dict[Scope, NDArray[np.intp]] = {
            "visit": np.arange(batch.visits.height),
            "order": batch.orders["visit"].to_numpy(),
        }
        hits = [
            *_hits(found_plan.checks["visit"], visits, batch.visits, batch.alphabets),
            *(_hits(found_plan.checks["order"], orders, batch.orders, batch.alphabets) if batch.orders.height else ()),
        ]
        unreadable = np.zeros(batch.visits.height, dtype=np.bool_)
        for each, broken in hits:
            if each.rule.code == "Y008":
                unreadable[rows[each.scope][broken]] = True
        key_fields = KEY_FIELDS[batch.edition]
        for each, found in hits:
            severity = each.rule.severity_on(self.context.as_of.date(), each.field, self.context.assumptions)
            if severity is None:
                continue
            visit_rows = rows[each.scope][found]
            keep = ~untrusted[visit_rows]
            if each.field not in key_fields:
                keep &= ~unreadable[visit_rows]
            kept = found[keep]
            if each.rule.once_a_file:
                frame = batch.visits if each.scope == "visit" else batch.orders
                context_frame = visits if each.scope == "visit" else orders
                kept = self._repeats.among(each.rule, kept, frame, context_frame)
            if len(kept):
                yield _finding_rows(batch, each, severity, kept)


def _never_blank(batch: Batch) -> frozenset[str]:
    return frozenset(name for name, kinds in batch.alphabets.items() if not kinds & Alphabet.BLANK)


def _untrusted(batch: Batch) -> NDArray[np.bool_]:
    mask = np.zeros(batch.visits.height, dtype=np.bool_)
    first = batch.first_record
    bad = [f.record - first for f in batch.faults if f.record is not None and f.code in _UNTRUSTED]
    mask[bad] = True
    return mask


def _frames(
    batch: Batch, found_plan: Plan, context: Context, files: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frames that rules read: blanks as null, typed views, what orders borrow from their visits."""
    one_file = [
        pl.lit(context.as_of, dtype=pl.Datetime("us")).alias("now"),
        pl.lit(context.institution, dtype=pl.String).alias("uploader"),
        pl.lit(0, dtype=pl.UInt32).alias("file"),
    ]
    of_visits = one_file if files is None else files.select("now", "uploader", "file").get_columns()
    of_all = pl.lit(context.is_precheck).alias("precheck")
    make = column_maker(batch.edition, context.references, _never_blank(batch), context.verifier)
    visits = make(batch.visits, found_plan.columns["visit"]).with_columns(batch.visits["record"], *of_visits, of_all)
    borrowed = [name for name in found_plan.borrowed if name not in COMMON]
    at = batch.orders["visit"]
    lent = visits.select(borrowed)[at] if borrowed else pl.DataFrame()
    own = batch.orders.with_columns(lent.get_columns()) if borrowed else batch.orders
    orders = make(own, found_plan.columns["order"], already=frozenset(borrowed))
    of_orders = one_file if files is None else [column.gather(at) for column in of_visits]
    orders = orders.with_columns(batch.orders["record"], *of_orders, of_all)
    visits, orders = _with_past(batch, found_plan, context, files, visits, orders)
    return visits.with_columns(_answers(found_plan, orders, at, batch.visits.height)), orders


def _with_past(
    batch: Batch,
    found_plan: Plan,
    context: Context,
    files: pl.DataFrame | None,
    visits: pl.DataFrame,
    orders: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frames with the facts of the insurer's records that the plan asks for."""
    of_visits, of_orders = (list(filter(is_past, found_plan.columns[scope])) for scope in ("visit", "order"))
    if not of_visits and not of_orders:
        return visits, orders
    senders = files["sender"] if files is not None and "sender" in files.columns else None
    sender = pl.lit(context.sender, pl.String) if files is None else pl.lit(senders, pl.String)
    past = Past(batch, visits.select("file", "now", "uploader", sender=sender), context)
    return visits.with_columns(facts(past, of_visits)), orders.with_columns(facts(past, of_orders))


def _answers(found_plan: Plan, orders: pl.DataFrame, at: pl.Series, height: int) -> list[pl.Series]:
    """One column for each question that visit rules put to the orders."""
    keys = list(dict.fromkeys(name.partition(":")[2] for name in found_plan.questions))
    if not keys:
        return []
    truths = orders.select([_asked(key) for key in keys])
    rows = at.to_numpy()
    counts = {
        key: np.bincount(rows[_positions(truths[key])] if len(truths) == len(rows) else rows, minlength=height)
        for key in keys
    }
    return [
        pl.Series(name, counts[key] > 0 if kind == "any" else counts[key].astype(np.int64))
        for name in found_plan.questions
        for kind, _, key in [name.partition(":")]
    ]


@cache
def _asked(key: str) -> pl.Expr:
    return order_question(key).fill_null(False).alias(key)


def _positions(truth: pl.Series) -> NDArray[np.intp]:
    return np.flatnonzero(truth.to_numpy()) if not truth.null_count() else truth.arg_true().to_numpy()


_DATE_WIDTH: Final = 7


def _hits(
    checks: list[Check], frame: pl.DataFrame, sent: pl.DataFrame, alphabets: Mapping[str, int]
) -> Iterator[tuple[Check, NDArray[np.intp]]]:
    """Checks that some row breaks, with those rows.

    A check that cannot be broken is not run: nobody sent the field, every value is a date, or no value has a
    character that could offend.
    """
    absent = {name for name in sent.columns if sent[name].null_count() == sent.height}
    known = forms(checks[0].rule.edition) if checks else {}
    wellformed = {name for name in known.keys() & set(sent.columns) if _all_valid(name, known[name].form, frame)}
    live = [
        each
        for each in checks
        if not (each.rule.of_value and each.field in absent)
        and not (each.rule.of_form and each.field in wellformed)
        and not (each.harmless and alphabets.get(each.field, ~0) & ~(each.harmless | Alphabet.BLANK) == 0)
    ]
    if not live:
        return
    truths = frame.select([each.breaks for each in live])
    for each, truth in zip(live, truths.get_columns(), strict=True):
        if truth.any():
            yield each, _positions(truth)


def _all_valid(field: str, form: str, frame: pl.DataFrame) -> bool:
    """Whether every value of a date or time field is a date or time; false for other fields."""
    view = f"{form}:{field}"
    if form not in ("date", "time") or view not in frame.columns:
        return False
    if frame[view].null_count() != frame[field].null_count():
        return False
    # a date is read off the first seven characters, and there may be more
    return form == "time" or int(frame[field].str.len_bytes().max() or 0) <= _DATE_WIDTH  # type: ignore[arg-type]


def _finding_rows(batch: Batch, each: Check, severity: str, rows: NDArray[np.intp]) -> pl.DataFrame:
    frame = batch.visits if each.scope == "visit" else batch.orders
    chosen = frame[rows]
    height = len(rows)
    value = (
        chosen[each.field]
        if each.field in chosen.columns
        else pl.Series([None], dtype=pl.String).new_from_index(0, height)
    )
    constant = {
        "field": each.field,
        "code": each.rule.code,
        "severity": severity,
        "text_zh": each.zh,
        "text_en": each.en,
    }
    return pl.DataFrame(
        {
            "record": chosen["record"],
            "order": chosen["order"]
            if each.scope == "order"
            else pl.Series([None], dtype=pl.UInt32).new_from_index(0, height),
            "value": value,
            "line": batch.lines(each.scope, rows, each.field),
        }
    ).select(
        pl.lit(constant[name]).alias(name)
        if name in constant
        else pl.lit(None, dtype=pl.String).alias(name)
        if name == "key"
        else pl.col(name).cast(dtype)
        for name, dtype in SCHEMA.items()
    )


def _with_keys(frame: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    """Fill ``key``: what a clerk can find the visit by when the record number means nothing to the HIS."""
    if not frame.height:
        return empty_frame()
    identifier, time, person = _NATURAL_KEY[batch.edition]
    masked = pl.concat_str(pl.col(time).fill_null("?"), pl.lit(" "), national_id.mask(pl.col(person)).fill_null("?"))
    key = masked if identifier is None else pl.coalesce(_present(identifier), masked)
    keys = batch.visits.select("record", key=key)
    return frame.drop("key").join(keys, on="record", how="left", maintain_order="left").select(list(SCHEMA))


def _present(field: str) -> pl.Expr:
    return pl.when(pl.col(field).str.strip_chars() != "").then(pl.col(field))


def _verdicts(frame: pl.DataFrame, batch: Batch) -> tuple[int, int, int]:
    """Records accepted, accepted with warnings, rejected."""
    height = batch.visits.height
    if not frame.height:
        return height, 0, 0
    if "file" in frame["severity"]:
        return 0, 0, height
    of_records = frame.filter(pl.col("record").is_not_null())
    rejected = of_records.filter(pl.col("severity") == "reject")["record"].n_unique()
    flagged = of_records["record"].n_unique()
    return height - flagged, flagged - rejected, rejected
