"""The numbered cases as data: read, complete, each with the sources that it cites."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import yaml

from nhicard.checks.cases import Case as RuleCase
from nhicard.checks.cases import cases_of
from nhicard.checks.official import official

Kind = Literal["insurer", "reader"]
KINDS: Final[tuple[Kind, ...]] = ("insurer", "reader")
#: What a case may need beside a signature, and why it does not apply where that is missing: Chinese, English.
NEEDS: Final[Mapping[str, tuple[str, str]]] = {
    "sam": ("沒有安全模組可簽章（--sam 或 --reader）", "no SAM to sign with (--sam or --reader)"),
    "card": (
        "需要模擬安全模組卡（--sam）才能改變簽章內容",
        "only a simulated SAM card (--sam) can be made to sign this",
    ),
    "other": ("沒有同院所的另一張安全模組（--other-sam）", "no second SAM of the institution (--other-sam)"),
    "revoked": ("沒有已註銷的安全模組（--revoked-sam）", "no revoked SAM (--revoked-sam)"),
    "keys": ("沒有保險人金鑰（--keys），無法造出真的識別碼", "no keys of the insurer (--keys) for genuine identifiers"),
    "hands": (
        "沒有模擬讀卡機資料夾（--home），無法插拔卡片",
        "no folder of software readers (--home) to move cards in",
    ),
    "pin": ("沒有醫事人員卡密碼（--pin）", "no PIN of the staff card (--pin)"),
    "slow": ("大檔案案例，加 --slow 才執行", "a case with a large file; --slow runs it"),
}
FINDINGS: Final = "findings"
_GROUP_KEYS: Final = {"kind", "group", "cases"}
_CASE_KEYS: Final = {"id", "zh", "en", "source", "needs", "steps"}


@dataclass(frozen=True, slots=True)
class Source:
    """What a case rests on. ``basis``: official (a list of the insurer), clients (programs in the field read or send
    it so), ours (the sources are silent; this platform's own choice)."""

    name: str
    basis: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case. ``steps`` are what ``steps.insurer`` or ``steps.reader`` can do, each with what it expects."""

    number: str
    kind: Kind
    group: str
    zh: str
    en: str
    sources: tuple[str, ...]
    needs: frozenset[str]
    steps: tuple[Mapping[str, Any], ...]


@cache
def sources() -> Mapping[str, Source]:
    """Every source by its name."""
    return {row["name"]: Source(**row) for row in _rows("sources.csv")}


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case, by group and number. Raises ValueError for a case that cannot be understood."""
    told = tuple(_told())
    numbers = [each.number for each in told]
    if twice := {number for number in numbers if numbers.count(number) > 1}:
        raise ValueError(f"numbers used twice: {', '.join(sorted(twice))}")
    return told


@cache
def request_files() -> Mapping[str, Any]:
    """What the files that cases send consist of, by name (``data/files.yaml``)."""
    return dict(yaml.safe_load(_text("files.yaml")))


@cache
def rule_cases() -> tuple[tuple[str, RuleCase], ...]:
    """The rulebook's cases that are sent in one file, with their numbers: two records each, one broken, one right."""
    return tuple((row["number"], cases_of("2.0", row["code"])[int(row["place"]) - 1]) for row in _rows("findings.csv"))


def cited(case: Case) -> list[Source]:
    """The sources of a case; ``list20 CODE`` is a row of the official list of error codes. Raises KeyError."""
    return [_cited(name) for name in case.sources]


def _cited(name: str) -> Source:
    listing, _, code = name.partition(" ")
    source = sources()[listing]
    if not code:
        return source
    meaning = official("2.0")[code]
    return Source(name, source.basis, f"{source.zh} {code} {meaning.meaning_zh}", f"{source.en}, {code}")


def _told() -> Iterator[Case]:
    for entry in sorted(files(__package__).joinpath("data").iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".yaml") and entry.name != "files.yaml":
            yield from _of_group(yaml.safe_load(entry.read_text(encoding="utf-8")), entry.name)
    yield from _of_findings()


def _of_group(told: Mapping[str, Any], name: str) -> Iterator[Case]:
    if set(told) != _GROUP_KEYS or told["kind"] not in KINDS:
        raise ValueError(f"{name}: a group has kind, group and cases")
    for each in told["cases"]:
        if unknown := set(each) - _CASE_KEYS:
            raise ValueError(f"{name}, {each.get('id')}: unknown {', '.join(sorted(unknown))}")
        needs = frozenset(each.get("needs", "").split()) | ({"sam"} if told["kind"] == "insurer" else set())
        if not needs <= set(NEEDS):
            raise ValueError(f"{name}, {each['id']}: unknown need {', '.join(sorted(needs - set(NEEDS)))}")
        cites = tuple(part.strip() for part in each["source"].split(";"))
        steps = tuple(each["steps"])
        yield Case(each["id"], told["kind"], told["group"], each["zh"], each["en"], cites, needs, steps)


def _of_findings() -> Iterator[Case]:
    """A case a planted error: found in the record that has it, not in the neighbour that is right."""
    for place, (number, case) in enumerate(rule_cases()):
        meaning = official("2.0")[case.code]
        field = f" {case.blames}" if case.blames else ""
        blamed = case.blames or "*"  # the list does not always say which of a rule's fields is at fault
        wrong, right = 2 * place + 1, 2 * place + 2
        expected = {"finds": [f"{wrong} {blamed}:{case.code}"], "lacks": [f"{right} *:{case.code}"]}
        yield Case(
            number,
            "insurer",
            "檢核代碼 Findings",
            f"{case.code}{field}：{meaning.meaning_zh}",
            f"{case.code}{field} is found where it is planted, and not in the right neighbour",
            (f"list20 {case.code}",),
            frozenset({"sam"}),
            ({"wait": FINDINGS, "expect": expected},),
        )


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(_text(name).splitlines())


def _text(name: str) -> str:
    return files(__package__).joinpath("data", name).read_text(encoding="utf-8")
