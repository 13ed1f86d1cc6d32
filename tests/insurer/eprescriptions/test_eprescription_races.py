"""Two who act on one prescription at the same moment, on a database as in production."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import NOW, program
from tests.insurer.faults.databases import at_once, opened

from nhicard.insurer.audit import chain
from nhicard.insurer.eprescriptions import document
from nhicard.insurer.eprescriptions.models import Dispensing, EPrescription
from nhicard.insurer.eprescriptions.problems import Refused
from nhicard.insurer.eprescriptions.services import cancelling, dispensing, prescribing
from nhicard.insurer.eprescriptions.services.tokens import Caller
from nhicard.insurer.intake.models import Refill

ROUNDS = 4


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), opened(tmp_path_factory.mktemp("races")):
        yield


@pytest.fixture(autouse=True)
def unblocked(database: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def caller(kind: str) -> Caller:
    made = program(kind)
    return Caller(made.institution, made.client, made.client.client_id, "")


def told(step: Callable[[], Any]) -> Callable[[], str]:
    """The step, which then says why it was refused."""

    def taken() -> str:
        try:
            step()
        except Refused as refusal:
            return refusal.problems[0].code
        return ""

    return taken


def prescribed(clinic: Caller, number: int, kind: str = "C") -> tuple[Any, str]:
    """A new prescription of the clinic and its access code."""
    bundle = sheets.prescription(
        clinic.institution.code,
        number=f"RX{kind}{number}",
        kind=kind,
        repeats=3 if kind == "C" else 1,
        visit=f"{kind}{clinic.institution.code}{number:09}",
    )
    return bundle, prescribing.prescribe(document.read(sheets.sent(bundle)), clinic, NOW).access_code


def sheet(bundle: Any, code: str, pharmacy: Caller) -> Callable[[], str]:
    own = sheets.dispensing(bundle, code, pharmacy.institution.code, 1, f"DS{pharmacy.institution.code}00000001")
    content = document.read(sheets.sent(own))
    return told(lambda: dispensing.dispense(content, pharmacy, NOW))


@pytest.mark.parametrize("kind", ["C", "B"])
def test_one_of_two_pharmacies_dispenses_a_refill(kind: str) -> None:
    clinic, pharmacies = caller("clinic"), [caller("pharmacy"), caller("pharmacy")]
    for number in range(ROUNDS):
        bundle, code = prescribed(clinic, number, kind)
        answers = at_once([sheet(bundle, code, pharmacy) for pharmacy in pharmacies])
        assert sorted(answers) == ["", "dispensed"]
        row = EPrescription.objects.get(institution=clinic.institution, number=f"RX{kind}{number}")
        winner = row.dispensed.get().institution
        assert winner == pharmacies[answers.index("")].institution
        if kind == "C":
            assert Refill.objects.get(identifier=row.visit_identifier, number=1).dispensed_by == winner.code
    assert chain.walk().broken is None


def test_a_sheet_sent_twice_at_once_is_one_dispensing() -> None:
    clinic, pharmacy = caller("clinic"), caller("pharmacy")
    bundle, code = prescribed(clinic, 0)
    assert at_once([sheet(bundle, code, pharmacy)] * 2) == ["", ""]
    assert Dispensing.objects.filter(institution=pharmacy.institution).count() == 1


def test_a_prescription_sent_twice_at_once_is_one_with_one_code() -> None:
    clinic = caller("clinic")
    content = document.read(sheets.sent(sheets.prescription(clinic.institution.code)))
    taken = at_once([lambda: prescribing.prescribe(content, clinic, NOW)] * 3)
    assert sorted(each.is_new for each in taken) == [False, False, True]
    assert len({each.access_code for each in taken}) == 1


def test_cancelling_races_with_dispensing() -> None:
    clinic, pharmacy = caller("clinic"), caller("pharmacy")
    for number in range(ROUNDS):
        bundle, code = prescribed(clinic, number)
        cancel = told(lambda c=code: cancelling.cancel(c, clinic, NOW))  # type: ignore[misc]
        dispensed, cancelled = at_once([sheet(bundle, code, pharmacy), cancel])
        assert cancelled == ""
        assert dispensed in ("", "cancelled")
        rows = Refill.objects.filter(identifier=f"C{clinic.institution.code}{number:09}").order_by("number")
        first, *rest = rows.values_list("dispensed_by", "cancelled")
        assert first == ((pharmacy.institution.code, False) if dispensed == "" else ("", True))
        assert rest == [("", True)] * 2
