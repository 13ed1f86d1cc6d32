"""What is fuzzed: each target takes bytes and raises where an invariant is broken, and nothing else.

A target stands for a parser that reads what strangers send. What it may answer with (its own refusal) it swallows;
whatever else comes out is a defect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import numpy as np

from nhicard.formats import EDITIONS, UnusableInput
from nhicard.formats.claims import reader as claim_reader
from nhicard.formats.claims.claims import Claims
from nhicard.formats.claims.tables import Level
from nhicard.formats.reader import VISITS, Reader
from nhicard.formats.together import read_together
from nhicard.identity import signature_block
from nhicard.identity.signature_block import BlockRefused
from nhicard.institution.results import UnusableResult, read_results
from nhicard.prescriptions import symbols
from nhicard.prescriptions.payload import InvalidPrescription, Prescription
from nhicard.prescriptions.reasons import Refused
from nhicard.prescriptions.signing import Signed
from tests.properties.test_reading import assert_equal, comparable, read_or_refuse
from tests.properties.test_together import require_as_alone

_MOMENT: Final = datetime(2026, 11, 20, 12)
#: Bytes of the smallest slice; what stands before the records must fit into it, as it does into a real one.
_LEAST: Final = 200
#: Between files that are read together.
BETWEEN: Final = b"\n====\n"


def visits(data: bytes) -> None:
    """Upload files of both editions: the compiled kernel reads what lxml reads, in slices of any size."""
    whole = read_or_refuse(data, "kernel")
    assert_equal(whole, read_or_refuse(data, "tree"))
    if VISITS.prolog.match(data, 0, _LEAST):
        sliced = read_or_refuse(data, "kernel", _LEAST + len(data) % 1800)
        if _one_encoding(whole, sliced):
            assert_equal(whole, sliced)


def _one_encoding(whole: Any, sliced: Any) -> bool:
    """A file is of the encoding of its first slice beyond ASCII: where encodings are mixed, it depends on slices."""
    return isinstance(whole, str) or isinstance(sliced, str) or whole.encoding == sliced.encoding


def together(data: bytes) -> None:
    """Many files read at once give what each gives alone."""
    contents = data.split(BETWEEN)[:6]
    for edition in EDITIONS:
        found = read_together(contents, edition)
        for place, content in enumerate(contents):
            require_as_alone(found, place, content, edition)


def claims(data: bytes) -> None:
    """Claim files of all three kinds: both readers agree."""
    whole, other = _claims_or_refusal(data, "kernel"), _claims_or_refusal(data, "tree")
    if isinstance(whole, str) or isinstance(other, str):
        assert whole == other
        return
    assert whole.kind == other.kind
    assert whole.encoding == other.encoding
    assert comparable(whole.faults) == comparable(other.faults)
    levels: tuple[tuple[Level, Any, Any], ...] = (
        ("t", whole.totals, other.totals),
        ("d", whole.cases, other.cases),
        ("p", whole.orders, other.orders),
    )
    for level, mine, others in levels:
        assert mine.equals(others)
        rows = np.arange(mine.height)
        for name in whole.table.ids(level):
            assert whole.lines(level, rows, name).tolist() == other.lines(level, rows, name).tolist()


def _claims_or_refusal(data: bytes, reader: Reader) -> Claims | str:
    try:
        return claim_reader.read(data, reader=reader)
    except UnusableInput as refusal:
        return refusal.en


def prescription(data: bytes) -> None:
    """What QR codes carry: texts of codes, signed content, the prescription's own text. One content, one text."""
    texts = data.decode("latin-1").split("\n")
    try:
        content = symbols.join(texts)
    except Refused:
        pass
    else:
        assert symbols.join(symbols.split(content)) == content
    if data and len(data) < 4000:
        assert symbols.join(symbols.split(data)) == data
    try:
        signed = Signed.of_content(data)
    except Refused:
        pass
    else:
        assert Signed.of_content(signed.content()).prescription == signed.prescription
        signed.is_genuine()
    try:
        text = data.decode()
        told = Prescription.of_text(text)
    except (UnicodeDecodeError, InvalidPrescription):
        return
    assert told.text() == text
    assert told.visit_date.year
    assert told.signed_at.year


def block(data: bytes) -> None:
    """The signature of a request: refused, or the only way to write what it says."""
    text = data.decode("latin-1")
    try:
        at, parts = signature_block.unpack(text)
    except BlockRefused:
        return
    assert signature_block.pack(at, parts) == text


def result(data: bytes) -> None:
    """Result files as an institution gets them: text in either encoding, or a ZIP."""
    try:
        found = read_results(data, now=_MOMENT)
    except UnusableResult:
        return
    for each in found:
        assert each.findings.height >= 0
        assert isinstance(each.counts_agree, bool)


@cache
def _django() -> None:
    import os

    import django
    from django.apps import apps

    if not apps.ready:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nhicard.insurer.settings")
        django.setup()


def request(data: bytes) -> None:
    """Bodies of the Web API before anybody is asked who sent them: values, or a refusal with a return code."""
    _django()
    from django.test import RequestFactory

    from nhicard.insurer.intake import api
    from nhicard.insurer.intake.return_codes import MEANINGS, Returned

    sent = RequestFactory().post("/V2000/VNHI_Upload", data, content_type="application/json")
    try:
        asked = api._asked(sent)
        for key in ("sSamid", "sHospid", "sClientrandom", "sSignature", "sType"):
            assert asked[key].isascii()
        api._content(asked["sPatData"])
    except Returned as refusal:
        _require_known(refusal.code, MEANINGS)


def _require_known(code: str, meanings: Any) -> None:
    assert code in meanings


def document(data: bytes) -> None:
    """FHIR documents before they are validated: read, or refused with problems that JSON can hold."""
    _django()
    from nhicard.insurer.eprescriptions import document as fhir
    from nhicard.insurer.eprescriptions import problems

    try:
        found = fhir.read(data)
    except problems.Refused as refusal:
        json.dumps(problems.outcome(refusal.problems), ensure_ascii=False).encode()
        return
    assert len(found.digest) == 64
    found.values("Patient.identifier.value")


@dataclass(frozen=True, slots=True)
class Target:
    """One parser; ``is_xml``: the structured mutations fit. ``largest``: bytes of an input."""

    check: Callable[[bytes], Any]
    is_xml: bool = False
    largest: int = 4096


TARGETS: Final[dict[str, Target]] = {
    "visits": Target(visits, is_xml=True),
    "together": Target(together, is_xml=True),
    "claims": Target(claims, is_xml=True),
    "prescription": Target(prescription),
    "block": Target(block, largest=512),
    "result": Target(result),
    "request": Target(request),
    "document": Target(document, largest=16384),
}
