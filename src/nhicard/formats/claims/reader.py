"""Reading claim files: the readers of upload files, with the grammar of the kind that the root names."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from nhicard.formats.assumptions import Assumptions
from nhicard.formats.batch import Fault, joined
from nhicard.formats.claims.claims import Claims, of_records
from nhicard.formats.claims.tables import KINDS, Kind, Table, table
from nhicard.formats.grammar import Grammar
from nhicard.formats.reader import SLICE_BYTES, Family, Reader, scan_family

# The readers name a fault by the official code of upload files; claim files have no official codes, so ours differ.
_OFFICIAL: Final = "Y0"
_OURS: Final = "CLM-0"


def read(
    source: Path | str | bytes | BinaryIO,
    *,
    assumptions: Assumptions | None = None,
    reader: Reader = "auto",
    slice_bytes: int = SLICE_BYTES,
) -> Claims:
    """The whole claim file; the root element tells the kind.

    ``assumptions``: where assumed elements stand (``claim_identifier_elements``). ``reader`` and ``slice_bytes`` as
    in ``formats.read``. Raises UnusableInput for what is no XML, OSError when the file cannot be read; everything
    else that is wrong is in ``Claims.faults``.
    """
    tables = {kind: table(kind, assumptions) for kind in KINDS}
    parts = list(scan_family(source, _family(tuple(tables.values())), reader=reader, slice_bytes=slice_bytes))
    claims = of_records(tables[_kind(parts[0][0])], joined([records for _, records in parts]))
    return replace(claims, faults=tuple(map(_ours, claims.faults)))


@cache
def _family(tables: tuple[Table, ...]) -> Family:
    by_root = {each.kind: each.grammar for each in tables}
    return Family(
        roots=KINDS,
        choose=lambda root, _: by_root[_as_kind(root)],
        document_zh="費用申報檔（門診、住院或交付機構）",
        document_en="a claim file (outpatient, inpatient or pharmacy)",
    )


def _kind(grammar: Grammar) -> Kind:
    return _as_kind(grammar.name)


def _as_kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind == name)


def _ours(fault: Fault) -> Fault:
    return replace(fault, code=fault.code.replace(_OFFICIAL, _OURS, 1))
