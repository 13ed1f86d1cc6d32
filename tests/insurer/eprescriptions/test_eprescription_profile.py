"""The profiles: every row of the table is kept by the plain sheets and found where it is broken."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.insurer.eprescriptions import sheets

from nhicard.insurer.eprescriptions import document, profile
from nhicard.insurer.eprescriptions.document import Document
from nhicard.insurer.eprescriptions.problems import Problem, Refused, outcome
from nhicard.insurer.eprescriptions.tables import Element, Sheet, elements, rows, systems, wordings

PRESCRIPTION: Final = sheets.prescription("3501200000")
PLAIN: Final[dict[Sheet, Any]] = {"EP": PRESCRIPTION, "DS": sheets.dispensing(PRESCRIPTION, "0" * 16, "5901200000")}
BREACHES: Final = yaml.safe_load((Path(__file__).parent / "breaches.yaml").read_text(encoding="utf-8"))
SHEETS: Final[tuple[Sheet, ...]] = ("EP", "DS")
#: Elements that the plain sheets lack; breaches.yaml adds them.
ELSEWHERE: Final = re.compile(r"unlisted-material|substitution\.reason|section\[loinc\|85353|dispense-type")


def as_is(bundle: Any) -> Document:
    """The document without FHIR's own check, which finds some breaches before the profile does."""
    return Document("", bundle)


def found(bundle: Any, sheet: Sheet) -> list[Problem]:
    return profile.problems(as_is(bundle), sheet)


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_plain_sheets_keep_fhir_and_the_profile(sheet: Sheet) -> None:
    assert profile.problems(document.read(sheets.sent(PLAIN[sheet])), sheet) == []


def parents(bundle: Any, element: Element) -> list[Any]:
    return [parent.value for parent, _ in as_is(bundle).under(element.path)]


def broken(sheet: Sheet) -> Iterator[Any]:
    """The plain sheet, broken in one way that a row of the table speaks of."""
    for element in elements(sheet):
        for wish, code in (("none", "required"), ("more", "too-many"), ("value", "value"), ("form", "format")):
            asked = {
                "none": element.least > 0,
                "more": element.most is not None,
                "value": bool(element.values),
                "form": element.pattern is not None,
            }
            if asked[wish] and not ELSEWHERE.search(element.path):
                yield pytest.param(sheet, element, wish, code, id=f"{sheet} {element.path} {wish}")


@pytest.mark.parametrize(("sheet", "element", "wish", "code"), [case for sheet in SHEETS for case in broken(sheet)])
def test_every_row_of_the_table_is_enforced(sheet: Sheet, element: Element, wish: str, code: str) -> None:
    bundle = copy.deepcopy(PLAIN[sheet])
    name, _, _ = element.path.rpartition(".")[2].partition("[")
    if "." not in element.path:
        entries = bundle["entry"]
        own = [entry for entry in entries if entry["resource"]["resourceType"] == element.path]
        bundle["entry"] = [entry for entry in entries if entry not in own] if wish == "none" else entries + own + own
    else:
        parent = parents(bundle, element)[0]
        chosen = [each.value for each in document.children(document.Found(parent, ""), element.path.rpartition(".")[2])]
        if wish == "none":
            rest = [each for each in parent[name] if each not in chosen] if isinstance(parent[name], list) else None
            parent.pop(name) if not rest else parent.update({name: rest})
        elif wish == "more":
            whole = parent[name] if isinstance(parent[name], list) else [parent[name]]
            parent[name] = [*whole, *(chosen * ((element.most or 0) + 1))]
        else:
            parent[name] = "?! "
    problems = [problem for problem in found(bundle, sheet) if problem.code == code]
    assert any(name in problem.expression or problem.expression == "Bundle.entry" for problem in problems)


def changed(bundle: Any, change: dict[str, Any]) -> Any:
    """The sheet with values set (null: removed); paths begin at a resource's type, numbers count from 0."""
    bundle = copy.deepcopy(bundle)
    for path, value in change.items():
        kind, *steps = path.split(".")
        at: Any = sheets.one(bundle, kind)
        *way, last = [int(step) if step.isdecimal() else step for step in steps]
        for step in way:
            at = at[step]
        if value is None:
            at.pop(last)
        else:
            at[last] = _with_systems(value)
    return bundle


def _with_systems(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: systems()[each][0] if name == "system" and each in systems() else _with_systems(each)
            for name, each in value.items()
        }
    return [_with_systems(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("sheet", "case"), [pytest.param(s, c, id=f"{s} {c['change']}") for s in SHEETS for c in BREACHES[s]]
)
def test_what_breaks_an_invariant_is_found_where_it_is(sheet: Sheet, case: Any) -> None:
    problems = found(changed(PLAIN[sheet], case["change"]), sheet)
    assert (case["code"], True) in [(problem.code, problem.expression.endswith(case["at"])) for problem in problems]


@pytest.mark.parametrize("change", BREACHES["kept"], ids=str)
def test_what_comes_close_is_no_breach(change: dict[str, Any]) -> None:
    assert found(changed(PRESCRIPTION, change), "EP") == []


def test_orders_of_two_prescriptions_are_not_one_sheet() -> None:
    for path, value in {"identifier": "RX0002", "dispenseRequest": 2}.items():
        bundle = copy.deepcopy(PRESCRIPTION)
        second = copy.deepcopy(sheets.one(bundle, "MedicationRequest"))
        if path == "identifier":
            second["identifier"][0]["value"] = value
        else:
            second["dispenseRequest"]["numberOfRepeatsAllowed"] = value
        bundle["entry"].append({"resource": second})
        assert [problem.code for problem in found(bundle, "EP")] == ["one-prescription"]


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        (b"\xff", "not-json", 400),
        (b"{", "not-json", 400),
        (b'{"a": NaN}', "not-json", 400),
        (b'"\\ud800"', "not-json", 400),
        (b"[" * 5000 + b"]" * 5000, "not-json", 400),
        (b'{"a":' * 80 + b"1" + b"}" * 80, "not-json", 400),
        (b" " * (document.LARGEST + 1), "too-large", 413),
        (b"[]", "not-document", 422),
        (b'{"resourceType":"Bundle","type":"batch","entry":[]}', "not-document", 422),
        (b'{"resourceType":"Bundle","type":"document","entry":[1]}', "not-document", 422),
        (
            b'{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Patient"}}]}',
            "not-document",
            422,
        ),
        (sheets.sent(changed(PRESCRIPTION, {"Patient.shoeSize": 43})), "fhir", 422),
        (sheets.sent(changed(PRESCRIPTION, {"Patient.birthDate": "yesterday"})), "fhir", 422),
        (sheets.sent(changed(PRESCRIPTION, {"Patient.resourceType": "Elephant"})), "fhir", 422),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_fhir_document_is_refused(content: bytes, code: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        document.read(content)
    assert (refused.value.problems[0].code, refused.value.status) == (code, status)


def test_a_refusal_quotes_nothing_of_a_person() -> None:
    wrong = changed(PRESCRIPTION, {"Patient.birthDate": "A123456789", "Patient.gender": "測試病患甲"})
    with pytest.raises(Refused) as refused:
        document.read(sheets.sent(wrong))
    told = json.dumps(outcome([*refused.value.problems, *found(wrong, "EP")]), ensure_ascii=False)
    assert "Patient" in told or "resource" in told
    assert "A123456789" not in told
    assert "測試病患甲" not in told


def test_an_outcome_is_fhir_and_says_what_to_do_in_both_languages() -> None:
    from fhir.resources.R4B.operationoutcome import OperationOutcome

    values = {name: "7" for row in rows("problems") for text in row.values() for name in re.findall(r"{(\w+)}", text)}
    told = outcome([Problem(code, "Bundle", values) for code in wordings()])
    assert len(OperationOutcome.model_validate(told).issue) == len(wordings())
    for issue in told["issue"]:
        assert re.search(r"[\u4e00-\u9fff]", issue["details"]["text"])
        assert re.search(r"[A-Za-z]{3}", issue["details"]["text"])
        assert issue["diagnostics"].strip()


def test_the_digest_is_that_of_the_content() -> None:
    plain = document.read(sheets.sent(PRESCRIPTION))
    spaced = document.read(json.dumps(dict(reversed(PRESCRIPTION.items())), indent=3).encode())
    other = document.read(sheets.sent(changed(PRESCRIPTION, {"Patient.gender": "female"})))
    assert plain.digest == spaced.digest != other.digest
