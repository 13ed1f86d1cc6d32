"""Files of payments and owners for tests, and an institution whose owner's documents are produced."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from django.http import HttpRequest
from django.test import Client
from tests.insurer.portal import people

from nhicard.identity import national_id
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Means, User
from nhicard.insurer.accounts.services import sessions
from nhicard.insurer.registry.models import Contract, Institution
from nhicard.insurer.taxes.models import Document
from nhicard.insurer.taxes.services import loading, producing
from nhicard.insurer.taxes.tables import columns

YEAR: Final = 114
NOW: Final = datetime(2026, 4, 20, 9, 0)
CLINIC: Final = "3501200000"
OWNER, SECOND, THIRD = national_id.with_check_digit(["A19990000", "B29990001", "C19990002"]).to_list()

PAYMENT: Final[dict[str, str]] = {
    "institution": CLINIC,
    "fee_month": "11401",
    "kind": "10",
    "number": "1",
    "cases": "100",
    "consultation": "32000",
    "drugs": "8000",
    "dispensing": "2000",
    "treatment": "5000",
    "total": "47000",
    "copayment": "5000",
    "claimed": "42000",
    "paid": "39000",
    "withheld": "3900",
    "paid_on": "1140315",
}
PERSON: Final[dict[str, str]] = {
    "institution": CLINIC,
    "id_no": OWNER,
    "name": "測試負責人甲",
    "birthday": "0570506",
    "postal_code": "10001",
    "address": "測試市測試路 1 號",
    "valid_from": "0900101",
    "valid_until": "",
}
LINES: Final[Mapping[str, dict[str, str]]] = {"payments": PAYMENT, "owners": PERSON}


def table(file: str, *changes: Mapping[str, str]) -> bytes:
    """A file with a line for each change of the good line."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(column.heading for column in columns(file))
    for change in changes:
        writer.writerow((LINES[file] | dict(change))[column.field] for column in columns(file))
    return stream.getvalue().encode("utf-8-sig")


def load(file: str, *changes: Mapping[str, str], now: datetime = NOW) -> loading.Loaded:
    """Load such a file."""
    return loading.load(file, f"{file}.csv", table(file, *changes), now)


def clinic(code: str = CLINIC, division: int = 1, until: date | None = None) -> Institution:
    """An institution with a contract, to the day if one is given."""
    place = people.institution(code, division=division)
    Contract.objects.get_or_create(institution=place, valid_from=date(2001, 1, 1), defaults={"valid_until": until})
    return place


def months(count: int = 12, **change: str) -> Iterable[dict[str, str]]:
    """Payments of as many fee months of the year, each paid in its own year."""
    return [
        {"fee_month": f"{YEAR}{month:02d}", "paid_on": f"{YEAR}{min(month + 2, 12):02d}15"} | change
        for month in range(1, count + 1)
    ]


def produced(place: Institution, id_no: str = OWNER, **person: str) -> list[Document]:
    """The owner's three documents."""
    told = {"institution": place.code}
    load("owners", told | {"id_no": id_no} | person)
    load("payments", *months(2, **told))
    producing.produce(YEAR, NOW.date(), NOW)
    found = Document.objects.filter(institution=place, owner_id_no=id_no)
    return sorted(found, key=lambda each: each.pk)


def with_card(client: Client, user: User, means: str = Means.STAFF_CARD) -> Client:
    """The client, signed in as the user by a card."""
    from django.conf import settings
    from django.contrib.auth.models import AnonymousUser

    request = HttpRequest()
    request.session, request.user = client.session, AnonymousUser()
    sessions.begin(request, user, people.device(user), means, clock.now())
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return client


def total(document: Any) -> dict[str, int]:
    """A document's sums."""
    found: dict[str, int] = document.figures["total"]
    return found
