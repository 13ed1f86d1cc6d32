"""Whether a document keeps the guide's profiles: the table, and what no table says."""

from __future__ import annotations

from collections.abc import Iterator

from nhicard.insurer.eprescriptions import invariants
from nhicard.insurer.eprescriptions.document import Document, Found
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.eprescriptions.tables import Element, Sheet, elements


def require(document: Document, sheet: Sheet) -> None:
    """Raises Refused with everything that is wrong."""
    if found := problems(document, sheet):
        raise Refused(*found)


def problems(document: Document, sheet: Sheet) -> list[Problem]:
    """Every breach of the profile. What the invariants find is told only of a document that keeps the table."""
    of_table = [problem for element in elements(sheet) for problem in _breaches(document, element)]
    return of_table or [problem for rule in invariants.OF[sheet] for problem in rule(document)]


def _breaches(document: Document, element: Element) -> Iterator[Problem]:
    names = {"zh": element.zh, "en": element.en}
    if "." not in element.path:
        yield from _counted(element, "Bundle.entry", document.resources(element.path))
        return
    last = element.path.rpartition(".")[2].partition("[")[0]
    for parent, found in document.under(element.path):
        yield from _counted(element, f"{parent.at}.{last}", found)
        for each in found:
            if element.values and str(each.value) not in element.values:
                yield Problem("value", each.at, names | {"allowed": " ".join(sorted(element.values))})
            if element.pattern and not element.pattern.fullmatch(str(each.value)):
                yield Problem("format", each.at, names | {"pattern": element.pattern.pattern})


def _counted(element: Element, where: str, found: list[Found]) -> Iterator[Problem]:
    names = {"zh": element.zh, "en": element.en, "least": element.least, "most": element.most}
    if len(found) < element.least:
        yield Problem("required", where, names)
    if element.most is not None and len(found) > element.most:
        yield Problem("too-many", where, names)
