"""Documents as people take them home: PDF by typst, CSV; made from the figures kept, the same whenever asked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypedDict

import typst

from nhicard.formats import rocdate
from nhicard.insurer.monitoring.services.downloads import harmless
from nhicard.insurer.taxes.models import Document
from nhicard.insurer.taxes.tables import documents, measures

_SHOWN_OF_DIGEST: Final = 16


class Address(TypedDict):
    """The cover of a letter; ``enclosed``: titles of the documents."""

    postal_code: str
    address: str
    name: str
    institution: str
    year: int
    reason: str
    enclosed: list[str]


class Letter(TypedDict):
    """Documents that go together; without a cover where ``address`` is None."""

    address: Address | None
    documents: list[dict[str, Any]]


def pdf(document: Document) -> bytes:
    """The document alone, A4 landscape."""
    return letters_pdf([{"address": None, "documents": [facts(document)]}])


def letters_pdf(letters: Sequence[Letter]) -> bytes:
    """All letters behind one another, for printing."""
    template = (files("nhicard.insurer.taxes") / "data" / "documents.typ").read_bytes()
    inputs = {"letters": json.dumps(letters, ensure_ascii=False)}
    compiler = typst.Compiler(input=template, font_paths=_fonts(), sys_inputs=inputs)
    # without a moment of its own the same figures give the same bytes
    made = compiler.compile(format="pdf", timestamp=0)
    if not isinstance(made, bytes):
        raise TypeError("typst gave no single PDF")
    return made


def facts(document: Document) -> dict[str, Any]:
    """What the template shows of a document."""
    kind, told = documents()[document.kind], document.figures
    return {
        "title": kind.zh,
        "year": document.year,
        "code": document.institution.code,
        "institution": document.institution_name,
        "owner": document.owner_name,
        "owner_id": document.owner_id_no,
        "version": document.version,
        "as_of": slashed(document.production.as_of),
        "made_on": slashed(document.production.made_at.date()),
        "digest": document.digest[:_SHOWN_OF_DIGEST],
        "rows_of": kind.rows_zh,
        "headings": [measures()[name][0] for name in kind.measures],
        "rows": [
            [f"{row['month'][:3]}/{row['month'][3:]}", *(f"{row[name]:,}" for name in kind.measures)]
            for row in told["rows"]
        ],
        "total": [f"{told['total'][name]:,}" for name in kind.measures],
        "note": kind.note_zh,
    }


def table(document: Document) -> bytes:
    """CSV, UTF-8 with a byte order mark: a row a month and the total; numbers without separators."""
    kind, told = documents()[document.kind], document.figures
    stream = io.StringIO()
    writer = csv.writer(stream)
    names = [measures()[name][0] for name in kind.measures]
    head = ("年度", "醫事機構代碼", "醫事機構名稱", "負責人", "身分證統一編號", "版次", kind.rows_zh)
    writer.writerow([*head, *names])
    begins = (
        *(document.year, document.institution.code, harmless(document.institution_name)),
        *(harmless(document.owner_name), document.owner_id_no, document.version),
    )
    rows: Iterable[dict[str, Any]] = [*told["rows"], {"month": "總計", **told["total"]}]
    writer.writerows([*begins, row["month"], *(row[name] for name in kind.measures)] for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def slashed(day: date) -> str:
    """``112/04/30``."""
    digits = rocdate.format_date(day)
    return f"{digits[:3]}/{digits[3:5]}/{digits[5:]}"


@cache
def _fonts() -> typst.Fonts:
    """Looked for once a process: it takes longer than a document does."""
    return typst.Fonts()
