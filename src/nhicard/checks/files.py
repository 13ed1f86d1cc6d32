"""Checking files: slice by slice, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nhicard.checks.context import Context
from nhicard.checks.engine import Checker
from nhicard.checks.findings import Findings
from nhicard.formats.reader import Reader, scan


def check_file(
    source: Path | str | bytes | BinaryIO, context: Context | None = None, *, reader: Reader = "auto"
) -> Iterator[Findings]:
    """Findings of a file, one part a slice. Add the parts to a ``Tally`` for the verdict on the whole file.

    Raises UnusableInput for what is no upload file and OSError when it cannot be read.
    """
    checker = Checker(context or Context())
    for batch in scan(source, reader=reader):
        yield checker.check(batch)
