"""The errors that reject most: a table, a CSV, and the visits behind each line."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import polars as pl
from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from nhicard.formats.tables import Edition
from nhicard.institution.agent.overview import findings
from nhicard.institution.console import listing
from nhicard.institution.console.display import masked_ids
from nhicard.institution.console.site import Clerk, SignedIn
from nhicard.institution.console.visits import Group, page_of_visits
from nhicard.institution.results import rank
from nhicard.institution.results.export import csv_text

router = APIRouter()

Within = Literal["", "department", "staff"]
Days = Literal["7", "30", "90"]
DAYS: Final = ("7", "30", "90")
WITHIN: Final = ("", "department", "staff")
_CSV: Final = (
    "edition", "code", "field", "text", "remedy", "records", "findings", "share", "first_visit", "last_visit"
)  # fmt: skip


@router.get("/ranking")
def ranking(clerk: SignedIn, within: Within = "", days: Days = "7") -> HTMLResponse:
    """Codes and fields by how many visits they reject."""
    found = _rejects(clerk, days)
    ranked = _ranked(found, within)
    lines = [row | {"token": _token(clerk, row["staff"]) if "staff" in row else ""} for row in _masked(ranked)]
    return clerk.page(
        "ranking.html", lines=lines, within=within, days=days, ways=WITHIN, spans=DAYS,
        visits=found["record"].n_unique(),
    )  # fmt: skip


@router.get("/ranking.csv")
def ranking_csv(clerk: SignedIn, within: Within = "", days: Days = "7") -> Response:
    """The same as a file for spreadsheets; no cell is a formula."""
    rows = _masked(_ranked(_rejects(clerk, days), within))
    names = [*([within] if within else []), *_CSV]
    told = [{name: _shown(row, name, clerk) for name in names} for row in rows]
    headings = {name: clerk.t(f"csv.{name}") for name in names}
    frame = pl.DataFrame(told, schema=names, infer_schema_length=None).rename(headings)
    name = f"ranking-{clerk.now:%Y%m%d}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + csv_text(frame), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/ranking/visits")
def affected(
    clerk: SignedIn,
    edition: Edition,
    code: str,
    field: str = "",
    within: Within = "",
    of: str = "",
    days: Days = "7",
    group: Group = "",
    page: int = 1,
) -> HTMLResponse:
    """The visits behind a line. ``of``: the department, or the staff member's token (never an ID)."""
    found = _rejects(clerk, days).filter(
        pl.col("edition") == edition, pl.col("code") == code, pl.col("field").fill_null("") == field
    )
    if within == "department":
        found = found.filter(pl.col("department") == of)
    elif within == "staff":
        mine = [each for each in found["staff"].unique() if _token(clerk, each) == of]
        found = found.filter(pl.col("staff").is_in(mine))
    rows = listing.by_id(clerk.outbox, found["record"].unique().to_list(), clerk.now)
    title = clerk.t("ranking.affected", code=f"{code} {field}".strip(), edition=edition)
    return page_of_visits(clerk, "visits.html", rows, group, page, title=title, back="/ranking")


def _rejects(clerk: Clerk, days: Days) -> pl.DataFrame:
    since = datetime.combine(clerk.now.date() - timedelta(days=int(days)), datetime.min.time())
    return findings(clerk.outbox, since).filter(pl.col("severity") != "warn")


def _ranked(found: pl.DataFrame, within: Within) -> pl.DataFrame:
    keys = [within] if within else []
    return rank(found, by="both", within=keys).sort(
        *keys, "records", "code", "field", descending=[*(False for _ in keys), True, False, False]
    )


def _masked(ranked: pl.DataFrame) -> Sequence[dict[str, object]]:
    """The lines; staff both as they are (for the token) and hidden (for display)."""
    rows = ranked.to_dicts()
    if "staff" in ranked.columns:
        hidden = masked_ids(ranked["staff"].to_list())
        rows = [row | {"staff_shown": shown} for row, shown in zip(rows, hidden, strict=True)]
    return rows


def _shown(row: Mapping[str, object], name: str, clerk: Clerk) -> object:
    """A cell: whom it is about hidden, words in the reader's language."""
    keys = (f"{name}_shown", f"{name}_{clerk.language}", name)
    return next((row[key] for key in keys if key in row), None)


def _token(clerk: Clerk, staff: object) -> str:
    """Stands for a staff member in an address, on this machine only."""
    return hmac.new(clerk.site.secret.session_key, f"staff {staff}".encode(), hashlib.sha256).hexdigest()[:16]
