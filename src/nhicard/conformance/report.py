"""The report of a run: text for a terminal, JSON for programs, one HTML page that needs nothing beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

from nhicard.conformance.cases import Case, Source, cited
from nhicard.conformance.running import Outcome, Verdict

_MARKS: Final = {Verdict.PASSED: "通過 passed", Verdict.FAILED: "不符 FAILED", Verdict.NOT_APPLICABLE: "不適用 n/a"}
_BASES: Final = {
    "official": "官方清單 official list",
    "clients": "現行程式 programs in the field",
    "ours": "本平台 this platform",
}


@dataclass(frozen=True, slots=True)
class Report:
    """A run: what was tested, when (naive Taipei time), and how each case ended."""

    url: str
    kind: str
    at: datetime
    outcomes: Sequence[Outcome]

    @property
    def counts(self) -> dict[str, int]:
        """Cases by verdict, every verdict named."""
        found = Counter(each.verdict for each in self.outcomes)
        return {verdict.value: found[verdict] for verdict in Verdict}

    @property
    def passed(self) -> bool:
        """Whether no case failed."""
        return not self.counts[Verdict.FAILED.value]


def as_text(report: Report) -> str:
    """What failed and what does not apply in lines, and the counts."""
    lines = [f"{report.url}（{report.kind}）{report.at:%Y-%m-%d %H:%M}"]
    for outcome in report.outcomes:
        if outcome.verdict is not Verdict.PASSED:
            case = outcome.case
            lines.append(f"{case.number}  {_MARKS[outcome.verdict]}  {case.zh} {case.en}")
            lines.append(f"      {outcome.seen}")
            lines += [f"      出處 source: {source.zh} {source.en}" for source in cited(case)]
    counts = report.counts
    lines.append(
        f"{len(report.outcomes)} 案 cases: 通過 passed {counts['passed']}、不符 failed {counts['failed']}、"
        f"不適用 not applicable {counts['not applicable']}"
    )
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    """One object: ``url kind at counts cases[]``; a case has ``number group zh en sources[] verdict seen seconds``."""
    told = {
        "url": report.url,
        "kind": report.kind,
        "at": report.at.isoformat(timespec="seconds"),
        "counts": report.counts,
        "cases": [
            {
                **_of_case(each.case),
                "verdict": each.verdict.value,
                "seen": each.seen,
                "seconds": round(each.seconds, 3),
            }
            for each in report.outcomes
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def listed(cases: Sequence[Case]) -> str:
    """The cases themselves, a line each."""
    return "".join(f"{each.number}  {each.group}  {each.zh} {each.en}\n" for each in cases)


def as_html(report: Report) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    groups = [(name, list(rows)) for name, rows in groupby(report.outcomes, lambda each: each.case.group)]
    return template.render(
        report=report,
        groups=[(name, rows, sum(row.verdict is Verdict.PASSED for row in rows)) for name, rows in groups],
        failed=[each for each in report.outcomes if each.verdict is Verdict.FAILED],
        marks=_MARKS,
        bases=_BASES,
        cited=cited,
        steps=steps_in_words,
    )


def steps_in_words(case: Case) -> list[tuple[str, str]]:
    """Each step as what is done and what is expected, in the words of the case files."""
    return [
        (
            "；".join(f"{word} {_words(value)}" for word, value in step.items() if word not in ("expect", "keep")),
            _words(step.get("expect", {})),
        )
        for step in case.steps
    ]


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(each)}" for key, each in value.items())
    if isinstance(value, list):
        return " / ".join(_words(each) for each in value)
    text = str(value)
    return text if len(text) <= 90 else f"{text[:80]}…"


def _of_case(case: Case) -> dict[str, Any]:
    return {
        "number": case.number,
        "group": case.group,
        "zh": case.zh,
        "en": case.en,
        "sources": [_of_source(source) for source in cited(case)],
    }


def _of_source(source: Source) -> dict[str, str]:
    return {"name": source.name, "basis": source.basis, "zh": source.zh, "en": source.en}
