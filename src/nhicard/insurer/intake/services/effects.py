"""What accepted records do to the ones that were stored before them: replace, delete, dispense, cancel.

Every change of a refill asks that it is still as the check saw it; where another worker was faster the whole batch is
checked again (``Overtaken``).
"""

from __future__ import annotations

from typing import Final

import polars as pl
from django.db import IntegrityError

from nhicard.checks.facts.refills import DISPENSING, LIST_KINDS
from nhicard.insurer.intake.models import Refill, Visit, VisitState
from nhicard.insurer.intake.services import bulk

CORRECTIONS: Final = ("3", "4")
DELETE, CANCEL, UNDO = "D", "C", "E"
INSTRUCTIONS: Final = (DELETE, CANCEL, UNDO)
_AT_ONCE: Final = 2000


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
    for part in keys.to_frame().iter_slices(_AT_ONCE):
        Visit.objects.filter(key__in=part.to_series().to_list(), state=VisitState.ACCEPTED).update(state=state)


def _free_refills(deleting: pl.DataFrame, *, is_precheck: bool) -> None:
    """A deleted dispensing gives its refill back; a deleted prescription takes its refills along."""
    identifiers = [each for each in deleting["identifier"].to_list() if each]
    Refill.objects.filter(dispensed_identifier__in=identifiers, is_precheck=is_precheck).update(
        dispensed_by="", dispensed_identifier=""
    )
    issuing = deleting.filter(~pl.col("category").is_in(DISPENSING))["identifier"].to_list()
    Refill.objects.filter(identifier__in=[each for each in issuing if each], is_precheck=is_precheck).delete()


def _issue(issuing: pl.DataFrame, *, is_precheck: bool) -> None:
    """Refills 1 to M26 (general) and M29 (controlled); a correction adds and drops what the new counts say."""
    frames = []
    for kind, of in LIST_KINDS.items():
        count = pl.col(of.count).str.strip_chars().cast(pl.Int64, strict=False)
        chosen = issuing.filter((pl.col("identifier") != "") & (count > 0) & (count < 100))
        numbered = chosen.with_columns(number=pl.int_ranges(1, count.clip(upper_bound=99) + 1)).explode("number")
        frames.append(
            numbered.select("identifier", "number", "institution", "patient_id", list_kind=pl.lit(kind, pl.String))
        )
    wanted = pl.concat(frames).unique(["identifier", "list_kind", "number"], maintain_order=True)
    prescriptions = issuing.filter(pl.col("identifier") != "")["identifier"].to_list()
    known = Refill.objects.filter(identifier__in=prescriptions, is_precheck=is_precheck)
    stored = pl.DataFrame(
        list(known.values_list("identifier", "list_kind", "number", "pk")),
        schema={"identifier": pl.String, "list_kind": pl.String, "number": pl.Int64, "pk": pl.Int64},
        orient="row",
    )
    same = ["identifier", "list_kind", "number"]
    dropped = stored.join(wanted, on=same, how="anti")["pk"].to_list()
    Refill.objects.filter(pk__in=dropped, dispensed_by="").delete()
    added = wanted.join(stored, on=same, how="anti").with_columns(
        is_precheck=pl.lit(is_precheck),
        dispensed_by=pl.lit(""),
        dispensed_identifier=pl.lit(""),
        cancelled=pl.lit(False),
    )
    bulk.insert(Refill, added)


def _dispense(dispensing: pl.DataFrame, *, is_precheck: bool) -> None:
    """Take the refill that M33 or M34 says. Raises Overtaken where somebody else has taken it meanwhile."""
    for kind, of in LIST_KINDS.items():
        number = pl.col(of.number).str.strip_chars().str.head(1).cast(pl.Int64, strict=False)
        for row in dispensing.with_columns(number=number).filter(pl.col("number") > 0).iter_rows(named=True):
            refill = Refill.objects.filter(
                identifier=row["original_identifier"], is_precheck=is_precheck, list_kind=kind, number=row["number"]
            )
            taken = refill.filter(dispensed_by="", cancelled=False).update(
                dispensed_by=row["institution"], dispensed_identifier=row["identifier"]
            )
            if not taken and refill.exclude(dispensed_identifier=row["identifier"]).exists():
                raise Overtaken
