"""The local API by which an HIS hands visits over and asks what became of them; a bearer token for all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nhicard.institution.agent.folder import UnusableFile, from_objects
from nhicard.institution.console.site import Site
from nhicard.institution.outbox import Outbox, take, withdraw
from nhicard.institution.outbox.taking import KEY

_token: Final = HTTPBearer(auto_error=False, description="The text in console/api.token in the agent's folder.")


def _at(request: Request) -> Iterator[tuple[Outbox, datetime]]:
    site: Site = request.app.state.site
    with Outbox(site.outbox) as outbox:
        yield outbox, site.now()


def _encodable(text: str) -> str:
    text.encode()  # half a surrogate pair is no character: UnicodeEncodeError, a ValueError
    return text


At = Annotated[tuple[Outbox, datetime], Depends(_at)]
Text = Annotated[str, AfterValidator(_encodable)]
Value = Text | int | float | None
#: The guard has refused whoever has no token; here it is for the document.
router = APIRouter(prefix="/api/v1", dependencies=[Depends(_token)])


class VisitTold(BaseModel):
    """A visit: columns of docs/visits.md under their names, in the wire form of edition 2.0."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "patient_id": "A123456789",
                "birth_date": "0700115",
                "institution": "3501990014",
                "visit_category": "01",
                "visit_time": "1151119093015",
                "department": "內科",
                "orders": [{"order_category": "1", "order_code": "AC12345100", "usage": "TID", "days": "3"}],
            }
        },
    )
    __pydantic_extra__: dict[str, Value]
    department: Text | None = Field(None, description="For the ranking of errors; not uploaded.")
    orders: list[dict[Text, Value]] = Field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """As the folder source takes it, numbers as texts. Raises UnusableFile."""
        if not self.model_extra or any("visit" in order for order in self.orders):
            raise UnusableFile(
                "欄位不符：就醫沒有內容，或醫令有 visit；no visit fits without columns, no order with one visit"
            )
        own = {name: _text(value) for name, value in (self.model_extra or {}).items()}
        orders = [{name: _text(value) for name, value in order.items()} for order in self.orders]
        return own | {"department": self.department, "orders": orders}


class TakenTold(BaseModel):
    """How many visits were new, changed, or known as they are."""

    new: int
    changed: int
    unchanged: int


class Key(BaseModel):
    """What identifies a visit while the rest of it is mended; as it was handed over, what was not given is empty."""

    data_type: Text = ""
    patient_id: Text = ""
    institution: Text = ""
    visit_time: Text = ""

    def text(self) -> str:
        """As the outbox holds it."""
        return " ".join(getattr(self, name) for name in KEY)


class Withdrawn(BaseModel):
    """How many of the visits were known and are taken back."""

    withdrawn: int


class State(BaseModel):
    """A visit in one kind of upload: A1 2.0 for real, A2 2.0 pre-check, B1 1.0 for real."""

    kind: str
    state: str
    receipt: str


class Finding(BaseModel):
    """What the insurer, or the check before sending, says."""

    kind: str
    order: int | None
    field: str
    code: str
    severity: str


class Standing(BaseModel):
    """What became of a visit; ``known`` is false for one that was never handed over."""

    known: bool
    states: Sequence[State] = ()
    findings: Sequence[Finding] = ()


class Status(BaseModel):
    """The outbox as a whole: visits by kind of upload and state, files that wait, visits near their 24 hours."""

    states: dict[str, dict[str, int]]
    files_waiting: int
    last_received_at: str | None
    urgent: dict[str, int]


@router.post("/visits", response_model=TakenTold, summary="交付就醫資料 Hand visits over")
def take_visits(at: At, visits: list[VisitTold]) -> TakenTold:
    """Keep visits, on disk before the answer. The same visit again changes nothing; with other content it is mended."""
    outbox, now = at
    try:
        frames, department = from_objects([each.told() for each in visits])
    except UnusableFile as error:
        raise HTTPException(422, str(error)) from None
    done = take(outbox, frames, now, department)
    return TakenTold(new=done.new, changed=done.changed, unchanged=done.unchanged)


@router.post("/visits/withdraw", response_model=Withdrawn, summary="收回就醫資料 Take visits back")
def withdraw_visits(at: At, keys: list[Key]) -> Withdrawn:
    """Take back visits that never were: not sent any more, deleted where 2.0 holds them."""
    outbox, now = at
    return Withdrawn(withdrawn=withdraw(outbox, [key.text() for key in keys], now))


@router.post("/visits/states", response_model=list[Standing], summary="查詢處理情形 What became of visits")
def states_of(at: At, keys: list[Key]) -> list[Standing]:
    """One answer a key, in their order. Keys travel in the body: an address must not name a patient."""
    outbox, _ = at
    return [_standing(outbox, key) for key in keys]


@router.get("/status", response_model=Status, summary="目前狀況 The present state")
def status(request: Request, at: At) -> Status:
    """Counts only, nothing of anybody."""
    from nhicard.institution.agent.overview import states

    outbox, _ = at
    site: Site = request.app.state.site
    ((waiting, last),) = outbox.rows(
        "SELECT coalesce(sum(state IN ('ready', 'received')), 0), max(received_at) FROM upload"
    )
    return Status(states=states(outbox), files_waiting=waiting, last_received_at=last, urgent=site.urgent(outbox))


def _standing(outbox: Outbox, key: Key) -> Standing:
    found = outbox.rows("SELECT id FROM visit WHERE key = ?", [key.text()])
    if not found:
        return Standing(known=False)
    tracks = outbox.rows(
        "SELECT t.kind, t.state, coalesce(u.receipt, '') FROM track t LEFT JOIN upload u ON u.id = t.upload "
        "WHERE t.visit = ? ORDER BY t.kind",
        found[0],
    )
    findings = outbox.rows(
        'SELECT kind, "order", field, code, severity FROM finding WHERE visit = ? ORDER BY kind, "order", field',
        found[0],
    )
    return Standing(
        known=True,
        states=[State(kind=kind, state=state, receipt=receipt) for kind, state, receipt in tracks],
        findings=[
            Finding(kind=kind, order=order, field=field, code=code, severity=severity)
            for kind, order, field, code, severity in findings
        ],
    )


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
