"""An auditor can look and verify everywhere and change nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people
from tests.insurer.portal.addresses import Address, addresses
from tests.insurer.portal.samples import known

from nhicard.insurer.accounts.models import Role

#: What looking leaves behind, and what concerns the auditor's own account only.
OWN: Final = {
    "audit_entry", "audit_head", "audit_verification", "django_session", "accounts_signin", "otp_totp_totpdevice",
}  # fmt: skip
READING: Final = re.compile(r"SELECT|SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT|SET |LOCK ")
WRITTEN: Final = re.compile(r'^(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
#: The auditor's own password and sessions.
ACCOUNT: Final = "accounts:"
FORMS: Final[dict[str, str]] = {
    **dict.fromkeys(("decision", "action", "choice", "state", "outcome"), "approve"),
    **dict.fromkeys(("reason", "text", "title", "body", "note", "name"), "測試"),
    **dict.fromkeys(("number", "version", "year", "month", "day"), "1"),
}
GUARDED: Final = [each for each in addresses() if each.roles is not None and not each.name.startswith(ACCOUNT)]
SAMPLES: Final = known(GUARDED)

pytestmark = pytest.mark.django_db


@contextmanager
def written() -> Iterator[set[str]]:
    """The tables that statements write to meanwhile."""
    tables: set[str] = set()

    def listen(execute: Any, sql: Any, parameters: Any, many: bool, context: Any) -> Any:
        if not READING.match(str(sql)):
            tables.update(WRITTEN.findall(str(sql)) or [str(sql)])
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(listen):
        yield tables


def parameters(address: Address, user: Any) -> dict[str, Any]:
    return SAMPLES[address.name](user) if address.parameters else {}


@pytest.mark.parametrize("address", GUARDED, ids=str)
def test_an_auditor_changes_nothing_at_any_address(client: Client, address: Address) -> None:
    auditor = people.user(Role.AUDITOR)
    may = Role.AUDITOR in (address.roles or ())
    owner = auditor if may else people.user((address.roles or (Role.CLERK,))[0])
    path = address.at(**parameters(address, owner))
    people.signed_in(client, auditor)
    with written() as tables:
        client.get(path)
        for form in ({}, FORMS):
            answer = client.post(path, form)
            assert may or answer.status_code in (403, 405)
    assert tables <= OWN


def test_an_auditor_verifies_the_log_and_reads_of_every_institution(client: Client) -> None:
    auditor = people.user(Role.AUDITOR)
    places = [people.institution(division=division) for division in range(1, 7)]
    people.signed_in(client, auditor)
    assert client.get(reverse("audit:log")).status_code == 200
    for place in places:
        assert client.get(reverse("monitoring:of_institution", kwargs={"code": place.code})).status_code == 200
