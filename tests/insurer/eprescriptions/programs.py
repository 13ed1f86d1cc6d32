"""Programs of institutions that speak to the API: with an institution, its client and a token."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest
from django.test import Client as Browser
from django.utils import timezone
from tests.insurer.eprescriptions import sheets
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.eprescriptions.models import Client
from nhicard.insurer.eprescriptions.services import clients
from nhicard.insurer.registry.models import Contract, Institution

NOW: Final = datetime(2026, 3, 2, 9, 30)
FHIR: Final = "application/fhir+json"


class Clock:
    """The one clock of our services and of the OAuth library."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(timezone, "now", lambda: self.now)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


def institution(kind: str, code: str = "", contracted: bool = True, **facts: Any) -> Institution:
    made = people.institution(code, kind=kind, **facts)
    if contracted:
        Contract.objects.create(institution=made, valid_from=date(2020, 1, 1))
    return made


@dataclass
class Program:
    """A program that has its client number and secret, and the token that it got."""

    institution: Institution
    representative: User
    client: Client
    secret: str
    token: str = ""
    browser: Browser = field(default_factory=Browser)

    @property
    def code(self) -> str:
        return self.institution.code

    def ask_token(self, **form: str) -> Any:
        """The token endpoint's answer to client credentials."""
        basic = base64.b64encode(f"{self.client.client_id}:{self.secret}".encode()).decode()
        wish = {"grant_type": "client_credentials"} | form
        return self.browser.post("/oauth/token", wish, headers={"Authorization": f"Basic {basic}"})

    def connect(self, **form: str) -> Program:
        self.token = self.ask_token(**form).json()["access_token"]
        return self

    def send(self, path: str, body: Any, content_type: str = FHIR, **headers: str) -> Any:
        content = body if isinstance(body, (bytes, str)) else json.dumps(body, ensure_ascii=False)
        headers = {"Authorization": f"Bearer {self.token}"} | headers
        return self.browser.post(f"/fhir/{path}", content, content_type=content_type, headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | headers
        return self.browser.get(f"/fhir/{path}", headers=headers)

    def prescribe(self, bundle: Any) -> Any:
        return self.send("Bundle", bundle)

    def fetch(self, code: str) -> Any:
        wish = f"identifier={sheets.uri('access-code')}%7C{code}"
        return self.send("Bundle/_search", wish, "application/x-www-form-urlencoded")

    def dispense(self, prescribed: Any, code: str, refill: int = 1, **facts: Any) -> Any:
        visit = facts.pop("visit", f"DS{self.code}{refill:08}")
        return self.send("Bundle/$dispense", sheets.dispensing(prescribed, code, self.code, refill, visit, **facts))

    def cancel(self, code: str) -> Any:
        told = {"resourceType": "Parameters", "parameter": [{"name": "accessCode", "valueString": code}]}
        return self.send("Bundle/$cancel", told)


def program(kind: str, redirect_uri: str = "", **facts: Any) -> Program:
    """A program of a new institution of the kind; not connected yet."""
    place = institution(kind, **facts)
    owner = people.user("representative", institution=place)
    made = clients.make(owner, "測試程式", redirect_uri, clock.now())
    return Program(place, owner, made.client, made.secret)


def told(answer: Any) -> dict[str, Any]:
    """The values of a Parameters answer."""
    body = answer.json()
    assert body["resourceType"] == "Parameters", body
    return {
        each["name"]: each.get("valueString", each.get("valueInteger", each.get("resource")))
        for each in body["parameter"]
    }


def problems(answer: Any) -> list[str]:
    """The codes of an OperationOutcome."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome", body
    return [issue["details"]["coding"][0]["code"] for issue in body["issue"]]
