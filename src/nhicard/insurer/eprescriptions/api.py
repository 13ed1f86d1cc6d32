"""The FHIR API under ``/fhir/``: prescribe, fetch, dispense, cancel. Nothing personal stands in a URL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from nhicard.insurer import clock
from nhicard.insurer.eprescriptions import document
from nhicard.insurer.eprescriptions.capability import statement
from nhicard.insurer.eprescriptions.models import Dispensing, EPrescription
from nhicard.insurer.eprescriptions.problems import Problem, Refused, outcome
from nhicard.insurer.eprescriptions.services import (
    auditing,
    cancelling,
    dispensing,
    fetching,
    prescribing,
    refills,
    tokens,
)
from nhicard.insurer.eprescriptions.services.tokens import Caller
from nhicard.insurer.eprescriptions.tables import systems

JSON_TYPES: Final = ("application/fhir+json", "application/json")
FORM: Final = "application/x-www-form-urlencoded"
Answer = Callable[..., HttpResponse]
_STATES: Final = {
    "open": ("待調劑", "open"),
    "dispensed": ("已調劑", "dispensed"),
    "cancelled": ("已註銷", "cancelled"),
}


def endpoint(method: str, scope: str = "", body: tuple[str, ...] = ()) -> Callable[[Answer], Answer]:
    """The view answers this method, to tokens of the scope (to everybody where there is none), in FHIR JSON.

    The decorated function gets request, caller (None where everybody may ask) and the moment, and may raise Refused.
    """

    def decorate(view: Answer) -> Answer:
        @never_cache
        @csrf_exempt
        def answered(request: HttpRequest, **named: Any) -> HttpResponse:
            now, caller = clock.now(), None
            try:
                if request.method != method:
                    raise Refused(Problem("method"))
                if scope:
                    caller = tokens.caller(request.headers.get("Authorization", ""), scope, now)
                if int(request.META.get("CONTENT_LENGTH") or 0) > document.LARGEST:
                    raise Refused(Problem("too-large"))
                if body and request.content_type not in body:
                    raise Refused(Problem("media-type"))
                return view(request, caller, now, **named)
            except Refused as refusal:
                if caller is not None:
                    _note(caller, refusal, now)
                return _refusal(refusal, method)

        answered.scope = scope  # type: ignore[attr-defined]
        return answered

    return decorate


@endpoint("GET")
def metadata(request: HttpRequest, _: None, now: datetime) -> HttpResponse:
    """The CapabilityStatement."""
    return _json(statement(request.build_absolute_uri("/").rstrip("/")))


@endpoint("POST", "prescribe", JSON_TYPES)
def prescribe(request: HttpRequest, caller: Caller, now: datetime) -> HttpResponse:
    """``POST Bundle``: 201 with the access code; 200 where the same was sent before."""
    taken = prescribing.prescribe(document.read(request.body), caller, now)
    row = taken.prescription
    told = _parameters(
        id=row.key, accessCode=taken.access_code, prescriptionNumber=row.number, validUntil=row.valid_until
    )
    return _created(told, row, is_new=taken.is_new)


@endpoint("GET", "read")
def search_by_url(request: HttpRequest, caller: Caller, now: datetime) -> HttpResponse:
    """``GET Bundle?identifier=…``: refused, because URLs are logged on their way."""
    raise Refused(Problem("code-in-url"))


@endpoint("POST", "read", (FORM,))
def search(request: HttpRequest, caller: Caller, now: datetime) -> HttpResponse:
    """``POST Bundle/_search`` with ``identifier``: the prescription and how its dispensings stand."""
    wish = request.POST.get("identifier", "")
    system, bar, code = wish.rpartition("|")
    if not code or request.GET or (bar and system not in systems()["access-code"]):
        raise Refused(Problem("code-in-url" if request.GET else "search"))
    return HttpResponse(_found(fetching.by_code(code, caller, now), request), content_type=JSON_TYPES[0])


@endpoint("GET", "read")
def read(request: HttpRequest, caller: Caller, now: datetime, key: UUID) -> HttpResponse:
    """``GET Bundle/<id>``: one's own document, or with the header ``Access-Code`` another's prescription."""
    found = fetching.by_key(key, request.headers.get("Access-Code", ""), caller, now)
    return HttpResponse(fetching.content(found), content_type=JSON_TYPES[0])


@endpoint("POST", "dispense", JSON_TYPES)
def dispense(request: HttpRequest, caller: Caller, now: datetime) -> HttpResponse:
    """``POST Bundle/$dispense`` with a dispensing sheet: 201; 200 where the same was sent before."""
    recorded = dispensing.dispense(document.read(request.body), caller, now)
    row = recorded.dispensing
    told = _parameters(id=row.key, dispensingNumber=row.number, recordedAt=row.recorded_at.isoformat())
    if recorded.notes:
        told["parameter"].append({"name": "outcome", "resource": outcome(recorded.notes, "information")})
    return _created(told, row, is_new=recorded.is_new)


@endpoint("POST", "prescribe", JSON_TYPES)
def cancel(request: HttpRequest, caller: Caller, now: datetime) -> HttpResponse:
    """``POST Bundle/$cancel`` with Parameters: what is not dispensed is cancelled."""
    row = cancelling.cancel(_access_code(request.body), caller, now)
    return _json(_parameters(id=row.key, status="cancelled"))


def by_method(**views: Answer) -> Answer:
    """One address whose methods are different endpoints."""
    wrong = endpoint("")(_never)

    @csrf_exempt
    def chosen(request: HttpRequest, **named: Any) -> HttpResponse:
        return views.get(request.method or "", wrong)(request, **named)

    return chosen


def _never(request: HttpRequest, caller: None, now: datetime) -> HttpResponse:
    raise Refused(Problem("method"))


def _found(row: EPrescription, request: HttpRequest) -> str:
    """The searchset: the document word for word, and its dispensings."""
    states = refills.states(row)
    notes = []
    for state in states:
        zh, en = _STATES[state.state]
        notes.append(Problem("refill", values={"number": state.number, "zh": zh, "en": en, "of": len(states)}))
    address = json.dumps(request.build_absolute_uri(_address(row)))
    told = json.dumps(outcome(notes, "information"), ensure_ascii=False)
    return (
        '{"resourceType":"Bundle","type":"searchset","total":1,"entry":['
        f'{{"fullUrl":{address},"resource":{fetching.content(row)},"search":{{"mode":"match"}}}},'
        f'{{"resource":{told},"search":{{"mode":"outcome"}}}}]}}'
    )


def _access_code(body: bytes) -> str:
    try:
        for parameter in json.loads(body)["parameter"]:
            if parameter["name"] == "accessCode":
                return str(parameter["valueString"])
    except (ValueError, TypeError, LookupError, RecursionError):
        pass
    raise Refused(Problem("parameters", "Parameters.parameter"))


def _parameters(**values: Any) -> dict[str, Any]:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, **_value(value)} for name, value in values.items()],
    }


def _value(value: Any) -> dict[str, Any]:
    return {"valueInteger": value} if isinstance(value, int) else {"valueString": str(value)}


def _created(told: Mapping[str, Any], row: EPrescription | Dispensing, *, is_new: bool) -> HttpResponse:
    response = _json(told, 201 if is_new else 200)
    response["Location"] = _address(row)
    return response


def _address(row: EPrescription | Dispensing) -> str:
    return reverse("fhir:bundle", args=[row.key])


def _refusal(refusal: Refused, method: str) -> HttpResponse:
    response = _json(outcome(refusal.problems), refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="fhir"'
    if refusal.status == 405 and method:
        response["Allow"] = method
    return response


def _json(told: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(json.dumps(told, ensure_ascii=False), status=status, content_type=JSON_TYPES[0])


@transaction.atomic
def _note(caller: Caller, refusal: Refused, now: datetime) -> None:
    """A refusal is on record too: which problems, nothing of what was sent."""
    codes = sorted({problem.code for problem in refusal.problems})
    auditing.record(caller, "refused", "", now, {"status": refusal.status, "problems": codes})
