"""``nhicard check``: which files, in which order, with what progress, to which output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from nhicard.checks.context import Context
from nhicard.checks.files import check_file
from nhicard.checks.findings import Tally
from nhicard.checks.reference import References, UnreadableList, load, shipped
from nhicard.checks.verification import KeyVerifier
from nhicard.cli.output import Report, report_for
from nhicard.cli.settings import BadSettings, load_keys
from nhicard.cli.settings import load as load_settings
from nhicard.formats import UnusableInput, rocdate

_PROGRESS_FROM_BYTES = 20 << 20
_STDIN = "-"


def run(
    names: list[str],
    output: str,
    as_of: datetime | None,
    institution: str | None,
    reference: Path | None,
    keys: Path | None,
    config: Path | None,
    lang: str,
    show: int,
) -> int:
    """Check everything named; returns the exit code."""
    errors = Console(stderr=True, highlight=False)
    try:
        settings = load_settings(config)
        folder = reference or settings.reference
        references = load(folder) if folder else shipped()
        key_file = keys or settings.keys
        verifier = _verifier(key_file, references) if key_file else None
    except (BadSettings, UnreadableList, OSError) as error:
        errors.print(f"nhicard: {error}", markup=False, soft_wrap=True)
        return 2
    for path in references.unclaimed:
        told = (
            f"{path}: 不是任何清單的檔名，未載入。 Belongs to no list and was not loaded; see docs/reference-lists.md."
        )
        errors.print(told, markup=False, soft_wrap=True)
    context = Context(
        as_of=as_of or rocdate.now(),
        institution=institution or settings.institution,
        references=references,
        assumptions=settings.assumptions,
        verifier=verifier,
    )
    report = report_for(output, lang, show)
    worst = 0
    for name in _files(names, errors):
        worst = max(worst, 2 if name is None else _one(name, context, report, errors))
    report.close()
    return worst


def _verifier(path: Path, references: References) -> KeyVerifier:
    """A verifier with the keys of the file, for the institutions of the list; raises BadSettings."""
    keys = load_keys(path)
    if "institutions" not in references:
        raise BadSettings(
            "檢核就醫識別碼需要醫事機構清單（institutions），請以 --reference 指定清單資料夾。 "
            "Identifiers cannot be verified without the list of institutions; name the folder that holds it with "
            "--reference (docs/reference-lists.md)."
        )
    return KeyVerifier(keys, references["institutions"].frame["code"])


def _files(names: list[str], errors: Console) -> Iterator[str | None]:
    """The files meant: those named, and the XML files in folders named; None for a folder without any."""
    for name in names:
        path = Path(name)
        if name == _STDIN or not path.is_dir():
            yield name
            continue
        found = sorted(entry for entry in path.rglob("*") if entry.suffix.lower() == ".xml" and entry.is_file())
        if not found:
            errors.print(
                f"{name}: 資料夾內沒有 XML 檔。 There is no XML file in this folder.", markup=False, soft_wrap=True
            )
            yield None
        yield from map(str, found)


def _one(name: str, context: Context, report: Report, errors: Console) -> int:
    tally = Tally()
    try:
        with _stream(name, errors) as stream, report.file(name, context) as page:
            for part in check_file(stream, context):
                tally.add(part)
                page.add(part)
            tally.settle()
            page.finish(tally)
    except UnusableInput as error:
        errors.print(f"{name}: {error.zh} {error.en}", markup=False, soft_wrap=True)
        return 2
    except OSError as error:
        errors.print(f"{name}: 無法讀取。 Cannot be read: {error.strerror or error}.", markup=False, soft_wrap=True)
        return 2
    return 1 if tally.rejected or tally.whole_file_rejected else 0


@contextmanager
def _stream(name: str, errors: Console) -> Iterator[BinaryIO]:
    """The file's bytes; with a progress bar where it is large and a person is watching."""
    if name == _STDIN:
        yield sys.stdin.buffer
        return
    path = Path(name)
    with path.open("rb") as stream:
        size = path.stat().st_size
        if size < _PROGRESS_FROM_BYTES or not errors.is_terminal:
            yield stream
            return
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=errors,
            transient=True,
        )
        with bar:
            task = bar.add_task(path.name, total=size)
            yield cast(BinaryIO, _Watched(stream, lambda read: bar.advance(task, read)))


class _Watched:
    """A stream that tells how many bytes were read from it."""

    def __init__(self, stream: BinaryIO, tell: Any) -> None:
        self._stream = stream
        self._tell = tell

    def readinto(self, buffer: memoryview) -> int:
        got = int(self._stream.readinto(buffer))  # type: ignore[attr-defined]
        self._tell(got)
        return got
