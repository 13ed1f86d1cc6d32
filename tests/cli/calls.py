"""A command in this process: as its own process would answer, without the second that one takes to start."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from typer.testing import CliRunner

from nhicard.cli.app import app


def nhicard(*arguments: str | Path, stdin: bytes | None = None) -> CompletedProcess[bytes]:
    """What ``nhicard`` with these arguments says; an exception that it lets through is the test's."""
    words = list(map(str, arguments))
    done = CliRunner().invoke(app, words, input=stdin, catch_exceptions=False)
    return CompletedProcess(words, done.exit_code, done.stdout_bytes, done.stderr_bytes)
