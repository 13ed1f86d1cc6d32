"""Values of case files that are made with keys: identifiers and signatures.

``{tap A123456789 3501200000 1121016093015}`` is the identifier that the service ``tap`` issued for this person,
institution and ROC time; ``{signed}`` the right signature for the record as it stands after all changes, and
``{signed M13=0002 M01=-}`` the one for the record with these values in place of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl

from nhicard.checks.verification import SIGNATURES, KeyVerifier
from nhicard.formats import rocdate

if TYPE_CHECKING:
    from nhicard.identity.keyring import KeyRing

_ISSUED: Final = re.compile(r"\{(?P<service>\w+) (?P<person>\w+) (?P<institution>\w+) (?P<time>\d+)\}")
_SIGNED: Final = re.compile(r"\{signed(?P<instead>(?: \w+=\S+)*)\}")


def need_keys(values: Iterable[str]) -> bool:
    """Whether one of the values is made with keys."""
    return any(_ISSUED.fullmatch(value) or _SIGNED.fullmatch(value) for value in values)


def made(visit: Mapping[str, str], orders: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The record with identifiers issued, and then signed."""
    told, *rest = ({name: _issued(value) for name, value in segment.items()} for segment in (visit, *orders))
    return _with_signatures(told, told), [_with_signatures(order, told | order) for order in rest]


def verifier(case_file: str) -> KeyVerifier:
    """The verifier of a case file's text; its register holds the institutions that identifiers were issued to."""
    register = [found["institution"] for found in _ISSUED.finditer(case_file)]
    return KeyVerifier(_keys(), pl.Series(register, dtype=pl.String))


@cache
def _keys() -> KeyRing:
    """The keys of the cases, which protect nothing."""
    from nhicard.identity.keyring import Key, KeyRing

    return KeyRing((Key(1, datetime(2020, 1, 1), None, b"the keys of the cases are public"),))


def _issued(value: str) -> str:
    """The identifier that the value describes, or the value itself."""
    found = _ISSUED.fullmatch(value)
    if not found:
        return value
    from nhicard.identity.visit_identifier import issue_one

    service, person, institution, time = found.groups()
    moment = rocdate.parse_datetime(time)
    return issue_one(_keys(), person=person, institution=institution, time=moment, service=service)


def _with_signatures(segment: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    wanted = {name: _SIGNED.fullmatch(value) for name, value in segment.items()}
    return {
        name: _signature(name, {**told, **_values(match["instead"])}) if (match := wanted[name]) else value
        for name, value in segment.items()
    }


def _values(text: str) -> dict[str, str]:
    """``A=1 B=-`` as values by field; ``-`` is a field left out."""
    pairs = (part.partition("=") for part in text.split())
    return {name: "" if value == "-" else value for name, _, value in pairs}


def _signature(field: str, told: Mapping[str, str]) -> str:
    from nhicard.identity import visit_signatures

    (key,) = _keys()
    of, sources = SIGNATURES[field]
    facts = {fact: told.get(source, "") for fact, source in sources.items()}
    if of == "visit":
        return visit_signatures.sign_visit(key, **facts)
    return str(visit_signatures.sign_orders(key, pl.DataFrame([facts])).item())
