"""What accepted records do to the ones that were stored before them: replace, delete, dispense, cancel.

Every change of a refill asks that it is still as the check saw it; where another worker was faster the whole batch is
checked again (``Overtaken``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl
from django.db import IntegrityError
from django.db.models import F, Q

from nhicard.checks.facts.refills import DISPENSING, LIST_KINDS
from nhicard.formats.tables import codes
from nhicard.insurer.intake.models import InForce, Refill, Visit, VisitState
from nhicard.insurer.intake.services import bulk
from nhicard.insurer.many import one_of

CORRECTIONS: Final = ("3", "4")
DELETE, CANCEL, UNDO = "D", "C", "E"
INSTRUCTIONS: Final = (DELETE, CANCEL, UNDO)
_AT_ONCE: Final = 2000
_STAND_INS: Final = list(codes("2.0", "visit-id-special"))
_SAME_REFILL: Final = ["identifier", "list_kind", "number"]
_PLACE: Final = {"id": pl.Int64, "submission_id": pl.Int64, "record": pl.Int64, "visit_month": pl.Date}


class Overtaken(IntegrityError):
    """Another worker changed what this check rested on."""


def before(visits: pl.DataFrame, *, is_precheck: bool) -> None:
    """Make room for the accepted rows: what a correction, a pre-check sent again or a deletion takes out of force."""
    accepted = visits.filter(pl.col("state") == VisitState.ACCEPTED)
    replacing = accepted if is_precheck else accepted.filter(pl.col("upload_kind").is_in(CORRECTIONS))
    _retire(replacing["key"], VisitState.REPLACED)
    deleting = visits.filter((pl.col("state") == VisitState.CARRIED_OUT) & (pl.col("upload_kind") == DELETE))
    _free_refills(deleting, is_precheck=is_precheck)
    _retire(deleting["key"], VisitState.DELETED)
    _require_gone(deleting["key"])
    # changes of allergy entries go with their record; found by the person and moment, which every key has
    for rows in deleting.select("patient_id", "visit_time", "key").iter_slices(_AT_ONCE):
        changes = Visit.objects.filter(Q(one_of(rows)), state=VisitState.CARRIED_OUT)
        changes.exclude(upload_kind__in=INSTRUCTIONS).update(state=VisitState.DELETED)


def after(visits: pl.DataFrame, fields: pl.DataFrame, *, is_precheck: bool) -> None:
    """What the accepted rows do to refills. ``fields``: their M26, M29, M33 and M34 as sent, row by row."""
    rows = visits.hstack(fields)
    accepted = rows.filter(pl.col("state") == VisitState.ACCEPTED)
    _issue(accepted.filter(~pl.col("category").is_in(DISPENSING)), is_precheck=is_precheck)
    _dispense(accepted.filter(pl.col("category").is_in(DISPENSING)), is_precheck=is_precheck)
    instructions = rows.filter(pl.col("state") == VisitState.CARRIED_OUT)
    for kind, cancelled in ((CANCEL, True), (UNDO, False)):
        chosen = instructions.filter(pl.col("upload_kind") == kind)["identifier"].to_list()
        open_ones = Refill.objects.filter(identifier__in=chosen, is_precheck=is_precheck, dispensed_by="")
        open_ones.update(cancelled=cancelled)


def _retire(keys: pl.Series, state: VisitState) -> None:
    """Take the records of these keys out of force; a row that another worker is taking away is waited for."""
    for part in _parts(keys.unique().sort().to_list()):
        standing = InForce.objects.filter(key__in=part)
        found = standing.select_for_update().order_by("key").values_list(*_PLACE)
        places = pl.DataFrame(list(found), schema=_PLACE, orient="row")
        InForce.objects.filter(pk__in=places["id"].to_list()).delete()
        for (month,), of_month in places.group_by("visit_month"):
            rows = of_month.select("submission_id", "record")
            Visit.objects.filter(Q(one_of(rows)), visit_month=month).update(state=state)


def _require_gone(keys: pl.Series) -> None:
    """What is replaced meets the key's constraint when the new record is written; a deletion writes none and asks."""
    for part in _parts(keys.unique().to_list()):
        if InForce.objects.filter(key__in=part).exists():
            raise Overtaken


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _free_refills(deleting: pl.DataFrame, *, is_precheck: bool) -> None:
    """A deleted dispensing gives its refill back; a deleted prescription takes its refills along."""
    identifiers = [each for each in deleting["identifier"].to_list() if each]
    Refill.objects.filter(dispensed_identifier__in=identifiers, is_precheck=is_precheck).update(
        dispensed_by="", dispensed_identifier=""
    )
    issuing = deleting.filter(~pl.col("category").is_in(DISPENSING))["identifier"].to_list()
    Refill.objects.filter(identifier__in=[each for each in issuing if each], is_precheck=is_precheck).delete()


def _issue(issuing: pl.DataFrame, *, is_precheck: bool) -> None:
    """Refills 1 to M26 (general) and M29 (controlled); a correction adds and drops what the new counts say.

    The refills up to the record's own M33 and M34 are dispensed at once, and those whose dispensing came before the
    prescription (accepted with a warning, D024) are taken by it.
    """
    known = issuing.filter((pl.col("identifier") != "") & ~pl.col("identifier").is_in(_STAND_INS))
    frames = []
    for kind, of in LIST_KINDS.items():
        count, own = _whole(of.count), _number(of.number)
        chosen = known.filter(count > 0).with_columns(own=own)
        numbered = chosen.with_columns(number=pl.int_ranges(1, count.clip(upper_bound=99) + 1)).explode("number")
        taken = (pl.col("number") <= pl.col("own")).fill_null(False)
        frames.append(
            numbered.select(
                "identifier",
                "number",
                "institution",
                "patient_id",
                list_kind=pl.lit(kind, pl.String),
                dispensed_by=pl.when(taken).then("institution").otherwise(pl.lit("")),
                dispensed_identifier=pl.when(taken).then("identifier").otherwise(pl.lit("")),
            )
        )
    wanted = pl.concat(frames).unique(_SAME_REFILL, maintain_order=True)
    prescriptions = known["identifier"].to_list()
    rows = Refill.objects.filter(identifier__in=prescriptions, is_precheck=is_precheck)
    stored = pl.DataFrame(
        list(rows.values_list(*_SAME_REFILL, "pk")),
        schema={"identifier": pl.String, "list_kind": pl.String, "number": pl.Int64, "pk": pl.Int64},
        orient="row",
    )
    dropped = Refill.objects.filter(pk__in=stored.join(wanted, on=_SAME_REFILL, how="anti")["pk"].to_list())
    dropped.filter(Q(dispensed_by="") | Q(dispensed_identifier=F("identifier"))).delete()
    added = wanted.join(stored, on=_SAME_REFILL, how="anti")
    bulk.insert(Refill, added.with_columns(is_precheck=pl.lit(is_precheck), cancelled=pl.lit(False)))
    if added.height:
        _take_earlier_dispensings(added["identifier"].unique().to_list(), is_precheck=is_precheck)


def _take_earlier_dispensings(prescriptions: list[str], *, is_precheck: bool) -> None:
    earlier = Visit.objects.filter(category__in=DISPENSING, state=VisitState.ACCEPTED, is_precheck=is_precheck)
    names = ["original_identifier", "institution", "identifier", "fields"]
    rows = [
        row
        for part in _parts(prescriptions)
        for row in earlier.filter(original_identifier__in=part).order_by("id").values_list(*names)
    ]
    stored = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    sent = [pl.col("fields").str.json_path_match(f"$.{of.number}").alias(of.number) for of in LIST_KINDS.values()]
    _take(stored.with_columns(sent), is_precheck=is_precheck)


def _dispense(dispensing: pl.DataFrame, *, is_precheck: bool) -> None:
    """Take the refills that M33 and M34 say. Raises Overtaken where somebody else has taken one meanwhile."""
    if not _take(dispensing, is_precheck=is_precheck):
        raise Overtaken


def _take(dispensing: pl.DataFrame, *, is_precheck: bool) -> bool:
    """Give dispensing records the free refills that they say, the first record first; whether all got theirs.

    A refill that is not on record is nobody's, and one that the record has already is its own.
    """
    wanted = pl.concat(
        dispensing.select(
            "institution",
            taker="identifier",
            identifier="original_identifier",
            list_kind=pl.lit(kind, pl.String),
            number=_number(of.number),
        )
        for kind, of in LIST_KINDS.items()
    )
    wanted = wanted.filter(pl.col("number") > 0).unique(maintain_order=True)
    found = wanted.join(_locked(wanted["identifier"], is_precheck=is_precheck), on=_SAME_REFILL, maintain_order="left")
    is_given = (pl.col("dispensed_by") == "") & ~pl.col("cancelled") & pl.col("pk").is_first_distinct()
    given = found.filter(is_given).select("pk", dispensed_by="institution", dispensed_identifier="taker")
    bulk.update([Refill(**row) for row in given.iter_rows(named=True)], ["dispensed_by", "dispensed_identifier"])
    return found.filter(~is_given & (pl.col("dispensed_identifier") != pl.col("taker"))).is_empty()


def _locked(prescriptions: pl.Series, *, is_precheck: bool) -> pl.DataFrame:
    """The refills of these prescriptions, which nobody else changes before this transaction ends."""
    rows = Refill.objects.filter(is_precheck=is_precheck).select_for_update().order_by("id")
    columns = [*_SAME_REFILL, "pk", "dispensed_by", "dispensed_identifier", "cancelled"]
    types = [pl.String, pl.String, pl.Int64, pl.Int64, pl.String, pl.String, pl.Boolean]
    stored = [
        row
        for part in _parts(prescriptions.unique().sort().to_list())
        for row in rows.filter(identifier__in=part).values_list(*columns)
    ]
    return pl.DataFrame(stored, schema=dict(zip(columns, types, strict=True)), orient="row")


def _whole(field: str) -> pl.Expr:
    return pl.col(field).str.strip_chars().cast(pl.Int64, strict=False)


def _number(field: str) -> pl.Expr:
    """Which refill a record dispenses: the first character of M33 or M34."""
    return pl.col(field).str.strip_chars().str.head(1).cast(pl.Int64, strict=False)
