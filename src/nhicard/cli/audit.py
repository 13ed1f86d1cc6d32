"""``nhicard audit``: the audit log's verifier."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="The insurer's audit log. 稽核紀錄。")


@app.callback()
def common() -> None:
    """Keep ``verify`` a command of its own, although it is the only one."""


@app.command()
def verify(
    known: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER:SEAL",
            help="A seal noted at an earlier verification and kept outside the database. Whoever can rewrite the "
            "whole database cannot meet it.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Walk along the whole chain of entries and say whether it is whole.

    驗證稽核紀錄是否完整。結束代碼：0 完整，1 有缺漏或遭竄改，2 無法驗證。

    Ends with 0 where the chain is whole, 1 where it is broken, 2 where it could not be verified.
    """
    seals = dict(_seal(each) for each in known or ())
    ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.audit import chain
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)
    walked = chain.verify(clock.now(), seals)
    if walked.broken is not None:
        typer.echo(f"第 {walked.broken} 筆起不完整 Broken from entry {walked.broken} on", err=True)
        raise typer.Exit(1)
    typer.echo(f"完整 Whole: {walked.number}:{walked.seal}")


def _seal(told: str) -> tuple[int, str]:
    if not (found := re.fullmatch(r"(\d+):([0-9a-f]{64})", told)):
        raise typer.BadParameter(f"{told!r} is not NUMBER:SEAL as an earlier verification printed it")
    return int(found[1]), found[2]
