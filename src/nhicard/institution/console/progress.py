"""How far the institution is: the seven-day comparison, the four steps, and the state of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nhicard.institution.agent import overview, sending
from nhicard.institution.console import listing
from nhicard.institution.console.comparing import Comparison, chart, compared
from nhicard.institution.console.site import Clerk, SignedIn, SignedInPosting
from nhicard.institution.console.visits import Group, day_of, page_of_visits
from nhicard.institution.outbox import KINDS
from nhicard.institution.outbox.kinds import PRECHECK20

router = APIRouter()

_APPLIED_ON: Final = "applied_on"
#: A device that answered within a day is taken to work.
_RECENT: Final = timedelta(days=1)
_QUEUE_SHOWN: Final = 50
_QUEUE: Final = f"""
SELECT id, kind, state, records, made_at, tries, trouble, next_at, receipt FROM upload
WHERE state IN ('ready', 'received') ORDER BY id LIMIT {_QUEUE_SHOWN}
"""  # noqa: S608 - a number of our own
_LAST: Final = "SELECT kind, max(received_at), max(answered_at) FROM upload GROUP BY kind"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way."""

    id: int
    kind: str
    state: str
    records: int
    made_at: str
    tries: int
    trouble: str
    next_at: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Device:
    """Whether the control software, or the insurer, answers: ``ok``, ``silent`` for a day, ``unknown``."""

    name: str
    state: Literal["ok", "silent", "unknown"]
    at: str | None


@router.get("/comparison")
def comparison(clerk: SignedIn) -> HTMLResponse:
    """The seven-day table and its chart."""
    found = _comparison(clerk)
    return clerk.page("comparison.html", found=found, chart=chart(found.days), switched_at=clerk.outbox.switched_at)


@router.get("/comparison/missing")
def missing(clerk: SignedIn, day: str = "", group: Group = "", page: int = 1) -> HTMLResponse:
    """The visits of a day whose pre-check is still to be accepted."""
    chosen = day_of(day, clerk.now.date())
    rows = listing.unmatched(clerk.outbox, chosen, clerk.now)
    title = clerk.t("comparison.missing_title")
    return page_of_visits(clerk, "visits.html", rows, group, page, title=title, back="/comparison", chosen=chosen)


@router.get("/steps")
def steps(clerk: SignedIn, trouble: Literal["", "confirm", "date"] = "") -> HTMLResponse:
    """The four steps to 2.0 and where the institution stands."""
    applied_on = clerk.outbox.setting(_APPLIED_ON)
    return clerk.page(
        "steps.html",
        devices=[_device(clerk, "reader"), _device(clerk, "insurer")],
        found=_comparison(clerk),
        applied_on=date.fromisoformat(applied_on) if applied_on else None,
        switched_at=clerk.outbox.switched_at,
        trouble=trouble,
    )


@router.post("/steps/applied")
def applied(clerk: SignedInPosting, on: Annotated[str, Form()] = "", undo: Annotated[str, Form()] = "") -> Response:
    """Tick the application, or take the tick back."""
    if undo:
        clerk.site.audit("application unticked")
        clerk.outbox.set(_APPLIED_ON, None)
        return _to_steps()
    try:
        day = date.fromisoformat(on)
    except ValueError:
        return _to_steps("date")
    clerk.site.audit("application ticked", on=day.isoformat())
    clerk.outbox.set(_APPLIED_ON, day.isoformat())
    return _to_steps()


@router.post("/steps/switch")
def switch(
    clerk: SignedInPosting,
    at: Annotated[str, Form()] = "",
    confirmed: Annotated[str, Form()] = "",
    undo: Annotated[str, Form()] = "",
) -> Response:
    """Set from when on 2.0 is uploaded for real, or take it back; only with the confirmation ticked."""
    if not confirmed:
        return _to_steps("confirm")
    try:
        moment = None if undo else datetime.fromisoformat(at)
    except ValueError:
        return _to_steps("date")
    if moment and (moment.tzinfo or moment.year < 2000):
        return _to_steps("date")
    clerk.site.audit("switch", at=moment.isoformat() if moment else "never")
    clerk.outbox.switch(moment)
    return _to_steps()


@router.get("/status")
def status(clerk: SignedIn, notice: str = "", count: int = 0) -> HTMLResponse:
    """The queue, the last successes, and how many visits are in which state."""
    outbox = clerk.outbox
    ((waiting,),) = outbox.rows("SELECT count(*) FROM upload WHERE state IN ('ready', 'received')")
    return clerk.page(
        "status.html",
        queue=[Upload(*row) for row in outbox.rows(_QUEUE)],
        waiting=waiting,
        last={kind: (received, answered) for kind, received, answered in outbox.rows(_LAST)},
        states=overview.states(outbox),
        kinds=KINDS,
        devices=[_device(clerk, "reader"), _device(clerk, "insurer")],
        notice=notice if notice in _NOTICES else "",
        count=count,
    )


_NOTICES: Final = frozenset({"retried", "password_set", "password_wrong", "password_weak", "passwords_differ"})


@router.post("/status/retry")
def retry(clerk: SignedInPosting) -> Response:
    """Let the agent try at once whatever waits for another try."""
    clerk.site.audit("retry")
    count = sending.retry(clerk.outbox, clerk.now)
    return RedirectResponse(f"/status?notice=retried&count={count}", 303)


def _comparison(clerk: Clerk) -> Comparison:
    found = overview.comparison(clerk.outbox, clerk.now)
    return compared(found, overview.last_days(clerk.now), by_web=PRECHECK20.way == "web")


def _device(clerk: Clerk, name: str) -> Device:
    at = clerk.outbox.setting(f"{name}_ok_at")
    if not at:
        return Device(name, "unknown", None)
    return Device(name, "ok" if clerk.now - datetime.fromisoformat(at) <= _RECENT else "silent", at)


def _to_steps(trouble: str = "") -> Response:
    return RedirectResponse(f"/steps?trouble={trouble}" if trouble else "/steps", 303)
