"""ICD-10-CM from the package simple-icd-10-cm (US edition; the parent codes are there too).

Its module parses an XML file for seconds when imported, so the plain list of codes inside it is read instead;
a test compares that list with what the module says. Taiwan used the 2014 edition until 113-12-31 and has used
the 2023 edition since: codes that the US list has split or dropped are missing here, categories are not.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import polars as pl

PACKAGE = "simple_icd_10_cm"


@cache
def codes() -> pl.Series:
    """All categories and codes without dots, chapters and blocks left out."""
    listed = pl.Series(_list_file().read_text(encoding="ascii").splitlines(), dtype=pl.String)
    named = listed.filter((listed.str.len_bytes() > 2) & ~listed.str.contains("-", literal=True))
    return named.unique(maintain_order=True)  # a block of one category bears the category's name


@cache
def categories() -> tuple[str, ...]:
    """The three-character categories."""
    return tuple(codes().filter(codes().str.len_bytes() == 3))


def source() -> str:
    """Package, version and edition, for the report."""
    edition = _list_file().stem.removeprefix("code-list-")
    return f"shipped, simple-icd-10-cm {version('simple-icd-10-cm')}, US edition {edition}"


def _list_file() -> Path:
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0], "data").glob("code-list-*.txt")) if folders else []
    if not found:
        raise FileNotFoundError(f"{PACKAGE} has no list of codes; another version of the package is installed")
    return found[-1]
