"""The pages about visits: a day, those that press, one visit, and what a code means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse

from nhicard.checks.explanation import explain_code
from nhicard.formats.tables import Edition, fields
from nhicard.institution.console import listing
from nhicard.institution.console.listing import Row
from nhicard.institution.console.one_visit import one_visit
from nhicard.institution.console.site import Clerk, SignedIn, SignedInPosting
from nhicard.institution.outbox import KINDS, kinds_on
from nhicard.institution.outbox.kinds import REAL20

router = APIRouter()

Group = Literal["", "attention", "moving", "done"]
_EARLIEST: Final = date(1912, 1, 2)
_LATEST: Final = date(2910, 12, 30)


@router.get("/")
def today(clerk: SignedIn, day: str = "", group: Group = "", page: int = 1) -> HTMLResponse:
    """The visits of a day, today's unless another is chosen."""
    chosen = day_of(day, clerk.now.date())
    return page_of_visits(
        clerk,
        "today.html",
        listing.on_day(clerk.outbox, chosen, clerk.now),
        group,
        page,
        chosen=chosen,
        before=chosen - timedelta(days=1),
        after=chosen + timedelta(days=1),
        is_today=chosen == clerk.now.date(),
    )


@router.get("/urgent")
def urgent(clerk: SignedIn, group: Group = "", page: int = 1) -> HTMLResponse:
    """The visits whose 24 hours are nearly or wholly over."""
    rows = listing.urgent(clerk.outbox, clerk.now)
    return page_of_visits(clerk, "visits.html", rows, group, page, title=clerk.t("urgent.title"), back="/")


@router.get("/visits/{number}")
def visit(clerk: SignedIn, number: int) -> HTMLResponse:
    """One visit, everybody hidden."""
    return _visit(clerk, number, shown=False)


@router.post("/visits/{number}/show")
def show(clerk: SignedInPosting, number: int) -> HTMLResponse:
    """The same with the personal fields, once that is written down."""
    clerk.site.audit("shown", visit=number)
    return _visit(clerk, number, shown=True)


@router.get("/explain/{edition}/{code}")
def explain(clerk: SignedIn, edition: Edition, code: str) -> HTMLResponse:
    """What a code means, with an example that breaks it and one that keeps it."""
    try:
        found = explain_code(edition, code)
    except KeyError:
        raise HTTPException(404) from None
    known = fields(edition)
    zh = clerk.language == "zh"
    blamed = [(name, known[name].name_zh if zh else known[name].name_en) for name in found.blames if name in known]
    return clerk.page("explain.html", found=found, blamed=blamed, words=found.zh if zh else found.en)


def page_of_visits(
    clerk: Clerk, template: str, rows: Sequence[Row], group: str, page: int, **values: Any
) -> HTMLResponse:
    """A page with a list of visits."""
    found = listing.listed(clerk.outbox, rows, group, page)
    is_real = REAL20 in kinds_on(clerk.now, clerk.outbox.switched_at)
    return clerk.page(template, listed=found, group=group, groups=("", *listing.GROUPS), is_real=is_real, **values)


def day_of(text: str, default: date) -> date:
    """The ISO date, or the default where it is none."""
    try:
        return min(max(date.fromisoformat(text), _EARLIEST), _LATEST)
    except ValueError:
        return default


def _visit(clerk: Clerk, number: int, *, shown: bool) -> HTMLResponse:
    try:
        found = one_visit(clerk.outbox, number, clerk.language, shown=shown)
    except (KeyError, OverflowError):
        raise HTTPException(404) from None
    return clerk.page("visit.html", visit=found, shown=shown, kinds=KINDS)
