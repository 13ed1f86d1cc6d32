"""Checking files: slice by slice, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from nhicard.checks.context import Context
from nhicard.checks.engine import Checker
from nhicard.checks.findings import Findings
from nhicard.formats.batch import Batch
from nhicard.formats.reader import Reader, scan


def check_file(
    source: Path | str | bytes | BinaryIO, context: Context | None = None, *, reader: Reader = "auto"
) -> Iterator[Findings]:
    """Findings of a file, one part a slice. Add the parts to a ``Tally`` for the verdict on the whole file.

    The next slice is read while the present one is checked. Raises UnusableInput for what is no upload file and
    OSError when it cannot be read.
    """
    checker = Checker(context or Context())
    for batch in _read_ahead(scan(source, reader=reader)):
        yield checker.check(batch)


def _read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, the next one made in another thread while this one is worked on."""
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch
