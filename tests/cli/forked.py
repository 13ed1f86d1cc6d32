"""Commands as processes of their own that begin as copies of one which has nhicard loaded: half a second less each."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess


@cache
def _loaded() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.cli.loaded"])
    return context


def nhicard(*arguments: str, environment: dict[str, str]) -> CompletedProcess[str]:
    """How ``nhicard`` with these arguments and no input ends, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _loaded().Process(target=_command, args=(arguments, environment, out, err))
        process.start()
        process.join()
        code = process.exitcode
        assert code is not None
        return CompletedProcess(arguments, code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


def _command(arguments: tuple[str, ...], environment: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.stdin, sys.stdout, sys.stderr = (open(n, mode, encoding="utf-8") for n, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: PTH123, SIM115
    sys.argv = ["nhicard", *arguments]
    from nhicard.cli.app import main

    main()
