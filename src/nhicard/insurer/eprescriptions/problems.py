"""What is wrong with a request, and how FHIR tells it: OperationOutcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nhicard.insurer.eprescriptions.tables import Wording, wordings


@dataclass(frozen=True, slots=True)
class Problem:
    """A code of data/problems.csv, where in the document it is (FHIRPath), and values for its text.

    Values name elements and codes; never what the document says of a person.
    """

    code: str
    expression: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wording(self) -> Wording:
        """Its row of the table."""
        return wordings()[self.code]


class Refused(Exception):
    """The request is not done; ``problems`` say why, never none."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = problems

    @property
    def status(self) -> int:
        """The HTTP status: the first problem's."""
        return self.problems[0].wording.status


def outcome(problems: Sequence[Problem], severity: str = "error") -> dict[str, Any]:
    """The OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(problem, severity) for problem in problems]}


def _issue(problem: Problem, severity: str) -> dict[str, Any]:
    said = problem.wording
    zh, en, remedy_zh, remedy_en = (
        text.format(**problem.values) for text in (said.zh, said.en, said.remedy_zh, said.remedy_en)
    )
    told: dict[str, Any] = {
        "severity": severity,
        "code": said.issue,
        "details": {"coding": [{"system": "urn:x-nhicard:problem", "code": problem.code}], "text": f"{zh} {en}"},
        "diagnostics": f"{remedy_zh} {remedy_en}",
    }
    return told | ({"expression": [problem.expression]} if problem.expression else {})
