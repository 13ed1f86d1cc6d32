"""The PDF and the CSV: what a person reads is what the figures say, also for a machine that reads the text."""

from __future__ import annotations

import csv
import io

import pypdfium2
import pytest
from tests.insurer.taxes.tax_world import CLINIC, NOW, OWNER, YEAR, clinic, load, months, total

from nhicard.insurer.taxes.models import Document
from nhicard.insurer.taxes.services import rendering
from nhicard.insurer.taxes.services.producing import produce
from nhicard.insurer.taxes.tables import documents, measures

pytestmark = pytest.mark.django_db
KINDS = list(documents())


def pages(content: bytes) -> list[str]:
    """The text of each page."""
    pdf = pypdfium2.PdfDocument(content)
    return [page.get_textpage().get_text_range() for page in pdf]


def rows_of(page: str) -> dict[str, list[int]]:
    """Numbers of the lines that begin with a month or 總計."""
    found = {}
    for line in page.splitlines():
        first, *cells = line.split()
        if cells and (first == "總計" or (first[:3].isdigit() and first[3:4] == "/")):
            found[first] = [int(cell.replace(",", "")) for cell in cells]
    return found


@pytest.fixture
def document(request: pytest.FixtureRequest) -> Document:
    clinic()
    load("owners", {})
    load("payments", *months(12, consultation="1234567", total="1249567", claimed="1244567"))
    produce(YEAR, NOW.date(), NOW)
    return Document.objects.get(kind=request.param)


every_document = pytest.mark.parametrize("document", KINDS, indirect=True)


@every_document
def test_the_text_of_the_pdf_adds_up(document: Document) -> None:
    (page,) = pages(rendering.pdf(document))
    told = rows_of(page)
    sums = told.pop("總計")
    assert len(told) == len(document.figures["rows"]) > 0
    assert [sum(column) for column in zip(*told.values(), strict=True)] == sums
    assert sums == [total(document)[name] for name in documents()[document.kind].measures]


@every_document
def test_the_pdf_names_what_it_is_and_whose(document: Document) -> None:
    (page,) = pages(rendering.pdf(document))
    kind = documents()[document.kind]
    wanted = [f"{YEAR} 年度{kind.zh}", CLINIC, "測試負責人甲", OWNER, "115/04/20", document.digest[:16]]
    assert [each for each in (*wanted, *(measures()[name][0] for name in kind.measures)) if each not in page] == []
    assert "更正版" not in page


@every_document
def test_the_same_figures_give_the_same_bytes(document: Document) -> None:
    assert rendering.pdf(document) == rendering.pdf(document)


@every_document
def test_the_csv_has_the_same_rows(document: Document) -> None:
    content = rendering.table(document)
    assert content.startswith(b"\xef\xbb\xbf")
    told = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    names = documents()[document.kind].measures
    assert [int(told[-1][measures()[name][0]]) for name in names] == [total(document)[name] for name in names]
    assert len(told) == len(document.figures["rows"]) + 1
    assert {row["身分證統一編號"] for row in told} == {OWNER}


def test_names_are_text_and_no_markup_or_formula() -> None:
    place = clinic()
    place.name = '=1+1 #raw("x") *a* \\ $'
    place.save()
    load("owners", {"name": "#測試[甲]"})
    load("payments", {})
    produce(YEAR, NOW.date(), NOW)
    document = Document.objects.get(kind="split")
    (page,) = pages(rendering.pdf(document))
    bare = page.replace(" ", "")  # typography sets a thin space between scripts
    assert '=1+1#raw("x")*a*\\$' in bare
    assert "#測試[甲]" in bare
    assert "'=1+1" in rendering.table(document).decode("utf-8-sig")
