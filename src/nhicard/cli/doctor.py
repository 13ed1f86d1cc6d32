"""``nhicard doctor``: the examination, for people and as JSON."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from django.core.exceptions import ImproperlyConfigured

from nhicard.cli.insurer import Home, ready


class Format(StrEnum):
    """Output formats."""

    text = "text"
    json = "json"


_MARKS: Final = {"ok": "✓", "unknown": "·", "warning": "!", "failure": "✗"}


def doctor(
    output: Annotated[Format, typer.Option("--format", help="text for people; json for programs.")] = Format.text,
    home: Home = None,
) -> None:
    """Find what is wrong with this installation of the insurer's services, and say what to do. Changes nothing.

    檢查安裝是否正常，並說明該怎麼做；不會更動任何東西。結束碼：0 正常，1 有需要注意的事，2 有故障。
    Exit codes: 0 in order, 1 something to look at, 2 something is broken.
    """
    told, code = _examined(home)
    if output is Format.json:
        typer.echo(json.dumps({"exit_code": code, "findings": told}, ensure_ascii=False, indent=1))
    else:
        for each in told:
            typer.echo(f"{_MARKS[each['level']]} {each['zh']} {each['en']}")
            for advice in filter(None, (each["do_zh"], each["do_en"])):
                typer.echo(f"    → {advice}")
    raise typer.Exit(code)


def _examined(home: Path | None) -> tuple[list[dict[str, str]], int]:
    """The findings in words, and the exit code."""
    from nhicard.doctor.findings import finding

    try:
        ready(home)
    except (ValueError, OSError, ImproperlyConfigured) as error:  # the message may quote a password
        found = [finding("settings.unusable", kind=type(error).__name__)]
    else:
        from django.conf import settings
        from django.db import connection

        from nhicard.doctor.examination import examine
        from nhicard.doctor.installation import Installation
        from nhicard.insurer import clock

        found = examine(Installation(Path(settings.HOME), clock.now(), connection))
    from nhicard.doctor.findings import exit_code

    return [each.told() for each in found], exit_code(found)
