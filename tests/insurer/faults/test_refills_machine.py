"""A refillable prescription against a model of its refills: issued, dispensed here and there, cancelled, deleted."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.insurer.faults.driver import context
from tests.insurer.faults.machines import OnDatabase, Sent, qualified, run
from tests.insurer.faults.uploads import CLINIC

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.insurer.intake.models import Refill
from nhicard.insurer.intake.worker import Worker

PHARMACIES: Final = ("5901010010", "5901010020")
ALLOWED: Final = 3
#: One more than there are.
NUMBERS: Final = st.integers(1, ALLOWED + 1)

#: Who dispensed it, as which record.
Dispensing = tuple[str, str]


def identifier(number: int, pharmacy: str) -> str:
    """M15 of a pharmacy's record that dispenses this refill."""
    return f"9Z2B3C4D5E{PHARMACIES.index(pharmacy)}{number:09}"


def of_pharmacy(number: int, pharmacy: str, *changes: str) -> Record:
    """That record."""
    at = f"112101{PHARMACIES.index(pharmacy) + 7}0930{number:02}"
    own = (f"M05={pharmacy}", f"M15={identifier(number, pharmacy)}", f"M11={at}", f"D01[*]={at}", f"M33={number}")
    return changed("2.0", base_record("2.0", "bases", "pharmacy"), (*own, *changes))


class Refills(OnDatabase):
    """``refills``: by number who has it, None while it is open; ``cancelled``: those that are open and not to be
    dispensed; ``kept``: the dispensings that are on record, in the order in which they were taken."""

    def __init__(self) -> None:
        super().__init__()
        qualified(CLINIC, *PHARMACIES)
        self.sent = Sent()
        self.own = base_record("2.0", "refills", "prescribed")[0]["M15"]
        self.refills: dict[int, Dispensing | None] = {}
        self.cancelled: set[int] = set()
        self.is_prescribed = False
        self.kept: dict[tuple[int, str], Dispensing] = {}

    def _accepted(self, record: Record) -> bool:
        submission = self.sent.deliver("A1", [record], record[0]["M05"], self.now)
        assert Worker(context).once() == 1
        submission.refresh_from_db()
        return bool(submission.accepted)

    def _open(self) -> set[int]:
        return {number for number, taker in self.refills.items() if taker is None} - self.cancelled

    @rule()
    def prescribe(self) -> None:
        """The clinic dispenses the first itself; who dispensed before the prescription came gets what is free."""
        expected = not self.is_prescribed
        assert self._accepted(base_record("2.0", "refills", "prescribed")) == expected
        if not expected:
            return
        self.is_prescribed = True
        self.refills = {number: (CLINIC, self.own) if number == 1 else None for number in range(1, ALLOWED + 1)}
        for (number, _), taker in self.kept.items():
            if number in self._open():
                self.refills[number] = taker

    @rule(number=NUMBERS, pharmacy=st.sampled_from(PHARMACIES))
    def dispense(self, number: int, pharmacy: str) -> None:
        mine = (pharmacy, identifier(number, pharmacy))
        expected = (number, pharmacy) not in self.kept
        if self.refills:
            is_skipping = any(each < number for each in self._open())
            expected &= number in self.refills and not is_skipping and number not in self.cancelled
            expected &= self.refills.get(number) in (None, mine)
        assert self._accepted(of_pharmacy(number, pharmacy)) == expected
        if expected:
            self.kept[number, pharmacy] = mine
            if self.refills:
                self.refills[number] = mine

    @rule(number=NUMBERS, pharmacy=st.sampled_from(PHARMACIES))
    def delete_dispensing(self, number: int, pharmacy: str) -> None:
        """Not where the refill is another's by now."""
        taker = self.refills.get(number)
        expected = (number, pharmacy) in self.kept
        expected &= taker is None or taker[0] == pharmacy
        expected &= number not in self.cancelled
        assert self._accepted(of_pharmacy(number, pharmacy, "H01=D")) == expected
        if expected:
            mine = self.kept.pop((number, pharmacy))
            self.refills = {each: None if taker == mine else taker for each, taker in self.refills.items()}

    @rule()
    def cancel(self) -> None:
        expected = self.is_prescribed and bool(self._open())
        assert self._accepted(base_record("2.0", "refills", "cancellation")) == expected
        if expected:
            self.cancelled |= self._open()

    @rule()
    def restore(self) -> None:
        expected = self.is_prescribed and bool(self.cancelled)
        assert self._accepted(base_record("2.0", "refills", "restoration")) == expected
        if expected:
            self.cancelled.clear()

    @rule()
    def delete_prescription(self) -> None:
        """Not while another institution has dispensed of it."""
        elsewhere = any(taker is not None and taker[0] != CLINIC for taker in self.refills.values())
        expected = self.is_prescribed and not elsewhere
        assert self._accepted(base_record("2.0", "refills", "deletion")) == expected
        if expected:
            self.is_prescribed, self.refills = False, {}
            self.cancelled.clear()

    @invariant()
    def every_refill_is_whose_the_model_says(self) -> None:
        rows = Refill.objects.values_list("number", "dispensed_by", "dispensed_identifier", "cancelled")
        assert {number: (by, of, cancelled) for number, by, of, cancelled in rows} == {
            number: (*(taker or ("", "")), number in self.cancelled) for number, taker in self.refills.items()
        }


@pytest.mark.django_db
def test_every_refill_is_dispensed_once_and_by_who_may(insurer_home: object) -> None:
    run(Refills, examples=3, steps=14)
