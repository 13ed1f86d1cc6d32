"""Running cases: each passes, fails with what was seen, or does not apply, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter
from typing import Any, Protocol

from nhicard.conformance.cases import NEEDS, Case
from nhicard.conformance.expectations import NotAsExpected
from nhicard.conformance.signing import CannotSign


class Verdict(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case's end. ``seen``: the last answer, what was wrong, or why it does not apply."""

    case: Case
    verdict: Verdict
    seen: str
    seconds: float


class Subject(Protocol):
    """What is tested: the insurer's or the reader's steps."""

    def run(self, steps: tuple[Mapping[str, Any], ...]) -> str:
        """What the last step saw. Raises NotAsExpected, CannotSign."""


def run(
    cases: Iterable[Case], subject: Subject, has: frozenset[str], tell: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """The outcomes, in the order of the cases. ``has``: which of ``NEEDS`` are given."""
    return list(_run(cases, subject, has, tell))


def _run(
    cases: Iterable[Case], subject: Subject, has: frozenset[str], tell: Callable[[Outcome], None]
) -> Iterator[Outcome]:
    for case in cases:
        began = perf_counter()
        verdict, seen = _ended(case, subject, has)
        outcome = Outcome(case, verdict, seen, perf_counter() - began)
        tell(outcome)
        yield outcome


def _ended(case: Case, subject: Subject, has: frozenset[str]) -> tuple[Verdict, str]:
    if missing := sorted(case.needs - has):
        return Verdict.NOT_APPLICABLE, "；".join(" ".join(NEEDS[need]) for need in missing)
    try:
        return Verdict.PASSED, subject.run(case.steps)
    except NotAsExpected as reason:
        return Verdict.FAILED, str(reason)
    except CannotSign as reason:
        return Verdict.FAILED, f"no signature: {reason}"
