"""Records of both editions against a model of what is in force: sent, sent again, corrected, deleted, in any order."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.insurer.faults.driver import context
from tests.insurer.faults.machines import OnDatabase, Sent, qualified, run
from tests.insurer.faults.uploads import CLINIC, patient, visit

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import DayCount, Visit, VisitState
from nhicard.insurer.intake.worker import Worker

PATIENTS: Final = (1, 2, 3)
NEW, CORRECTION, DELETION = "new", "correction", "deletion"
#: A01 and H01 of what is done, by edition; edition 1.0 knows no deletion, 2.0 no correction.
_KINDS: Final = {"1.0": {NEW: "1", CORRECTION: "3"}, "2.0": {NEW: "A", DELETION: "D"}}

Step = tuple[str, int, bool]


def record(edition: str, step: Step, mark: int) -> Record:
    """The record of a step: what is done, for which patient, and whether it is right; the mark tells it from others."""
    what, number, is_right = step
    kind, sequence = _KINDS[edition][what], f"{mark:04}"
    if edition == "1.0":
        return visit(number, f"A01={kind}", f"A18={sequence}", *([] if is_right else ["A31=many"]))
    at = visit(number)[0]["A17"]
    changes: tuple[str, ...] = (f"H01={kind}", f"M03={patient(number)}", f"M05={CLINIC}", f"M11={at}", f"D01[*]={at}")
    changes += (f"M13={sequence}", f"M15={number:020}", *([] if is_right else ["M44=many"]))
    return changed("2.0", base_record("2.0", "bases", "outpatient"), changes)


def steps(edition: str) -> st.SearchStrategy[list[list[Step]]]:
    """One to three files of one to three records of different patients."""
    step = st.tuples(st.sampled_from(sorted(_KINDS[edition])), st.sampled_from(PATIENTS), st.integers(0, 4).map(bool))
    return st.lists(st.lists(step, min_size=1, max_size=3, unique_by=lambda each: each[1]), min_size=1, max_size=3)


class Records(OnDatabase):
    """``in_force``: by kind of upload and patient the mark of the record and what it came as; ``seen``: whether a
    normal record of the key was ever uploaded."""

    def __init__(self) -> None:
        super().__init__()
        qualified(CLINIC)
        self.sent = Sent()
        self.in_force: dict[str, dict[int, tuple[int, str]]] = {kind: {} for kind in KINDS}
        self.seen: set[tuple[str, int]] = set()
        self.mark = 0

    @rule(kind=st.sampled_from(["B1", "B2"]), files=steps("1.0"))
    def upload10(self, kind: str, files: list[list[Step]]) -> None:
        self._upload(kind, files)

    @rule(kind=st.sampled_from(["A1", "A2"]), files=steps("2.0"))
    def upload20(self, kind: str, files: list[list[Step]]) -> None:
        self._upload(kind, files)

    def _upload(self, kind: str, files: list[list[Step]]) -> None:
        """All of them wait, and one worker checks them as one batch, as if one came after the other."""
        edition, expected = KINDS[kind].edition, []
        for steps_of_file in files:
            records, accepted = [], []
            for place, step in enumerate(steps_of_file, 1):
                self.mark = self.mark % 9000 + 1
                records.append(record(edition, step, self.mark))
                if self._takes(kind, step, self.mark):
                    accepted.append(place)
            expected.append((self.sent.deliver(kind, records, CLINIC, self.now), accepted))
        assert Worker(context).once() == len(files)
        for submission, accepted in expected:
            rows = Visit.objects.filter(submission=submission).exclude(state=VisitState.REJECTED)
            assert sorted(rows.values_list("record", flat=True)) == accepted, (kind, files)

    def _takes(self, kind: str, step: Step, mark: int) -> bool:
        """Whether the model takes the record, and what it is in force as then."""
        what, number, is_right = step
        mine, is_precheck = self.in_force[kind], KINDS[kind].is_precheck
        there = mine.get(number)
        takes = (
            is_right
            and {
                NEW: is_precheck or there is None,
                CORRECTION: (kind, number) in self.seen and (there is None or there[1] != NEW),
                DELETION: there is not None,
            }[what]
        )
        if what == NEW:
            self.seen.add((kind, number))
        if takes and what == DELETION:
            del mine[number]
        elif takes:
            mine[number] = (mark, what)
        return takes

    @invariant()
    def what_is_in_force_is_what_the_model_says(self) -> None:
        told: dict[str, dict[str, int]] = {}
        for kind, facts in KINDS.items():
            rows = Visit.objects.filter(edition=facts.edition, is_precheck=facts.is_precheck, state=VisitState.ACCEPTED)
            told[kind] = {person: int(sequence) for person, sequence in rows.values_list("patient_id", "sequence")}
            assert rows.count() == len(told[kind])
        assert told == {
            kind: {patient(number): mark for number, (mark, _) in mine.items()} for kind, mine in self.in_force.items()
        }

    @invariant()
    def the_report_counts_it(self) -> None:
        """(A) is what 1.0 holds for real, (B) those of them whose 2.0 pre-check is in force."""
        counted: Any = list(DayCount.objects.values_list("accepted10", "matched_by_web", "matched_by_vpn"))
        real, prechecked = self.in_force["B1"].keys(), self.in_force["A2"].keys()
        assert counted == ([(len(real), len(real & prechecked), 0)] if real else [])


@pytest.mark.django_db
def test_what_is_in_force_follows_its_model(insurer_home: object) -> None:
    run(Records, examples=4, steps=8)
