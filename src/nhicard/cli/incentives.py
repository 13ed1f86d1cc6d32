"""``nhicard incentives``: entitlements as of a day, and settlements of the divisions."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

if TYPE_CHECKING:
    from nhicard.insurer.incentives.engine import Entitlement
    from nhicard.insurer.incentives.scheme import Scheme

app = typer.Typer(no_args_is_help=True, help="Incentive points: compute, settle. 獎勵點數：試算、結算。")
_DAY: Final = ["%Y-%m-%d"]


class Format(StrEnum):
    """Output formats."""

    text = "text"
    json = "json"
    csv = "csv"


AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=_DAY, metavar="DATE", help="As of the end of this day. Default: yesterday."),
]
Year = Annotated[int | None, typer.Option(metavar="YYY", help="ROC year of the scheme. Default: the one in force.")]


@app.command()
def compute(
    as_of: AsOf = None,
    institution: Annotated[str | None, typer.Option(metavar="CODE", help="One institution alone.")] = None,
    output: Annotated[Format, typer.Option("--format", help="json and csv are complete and stable.")] = Format.text,
    year: Year = None,
    home: Home = None,
) -> None:
    """Say which points every institution has as of the end of a day, why, and on what evidence.

    試算獎勵點數：某日結束時每家的項目、點數、狀態、理由與佐證。未開始的項目在 text 不列出。
    """
    day, scheme = set_up(as_of, year, home)
    from nhicard.insurer.incentives.services import computing
    from nhicard.insurer.registry.models import Institution

    asked = Institution.objects.all()
    if institution:
        asked = asked.filter(code=institution)
        if not asked.exists():
            fail(f"沒有這家醫事機構 there is no institution {institution}")
    found = computing.of_many(computing.facts_of(computing.earning(asked)), scheme, day)
    _WRITERS[output](found, scheme, day, bool(institution))


@app.command()
def settle(
    division: Annotated[int, typer.Option(min=1, max=6, help="分區業務組 1 to 6.")],
    as_of: AsOf = None,
    year: Year = None,
    home: Home = None,
) -> None:
    """Settle a division as of the end of a day that is over: what differs from what was settled before.

    結算：分區截至某日（已過的一天）應得點數與先前結算的差額。同一天再執行一次，結果相同，不會重複。
    """
    day, scheme = set_up(as_of, year, home)
    from nhicard.insurer import clock
    from nhicard.insurer.incentives.services import settling
    from nhicard.insurer.portal.texts import texts

    try:
        made = settling.settle(day, division, clock.now(), scheme)
    except settling.CannotSettle as refusal:
        fail(" ".join(texts()[f"incentives.cannot.{refusal.name}"]))
    lines = list(made.lines.order_by("institution", "item"))
    for line in lines:
        typer.echo(f"{line.institution} {line.item:<2} {line.entitled:>7,} {line.before:>7,} {line.difference:>+8,}")
    total = sum(line.difference for line in lines)
    typer.echo(f"{made} 截至 as of {made.as_of}: {len(lines)} 筆 lines, {total:+,} 點 points  {made.digest[:16]}")


@app.command()
def verify(home: Home = None) -> None:
    """Compute every settlement again from what it was made from, and say whether it comes out the same.

    重算每一次結算，核對結果是否相同。結束代碼：0 全部相同，1 有不同。
    """
    _with_tables(home)
    from nhicard.insurer.incentives.models import Settlement
    from nhicard.insurer.incentives.services import settling

    differing = 0
    for each in Settlement.objects.order_by("pk").iterator(chunk_size=1):
        same = settling.is_reproduced(each)
        differing += not same
        typer.echo(f"{each} {each.as_of} {'相同 same' if same else '不同 differs'}")
    if differing:
        raise typer.Exit(1)


def _with_tables(home: Any) -> None:
    """Django on a database that can be used; ends with 2 where it cannot."""
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        fail(reason)


def set_up(as_of: datetime | None, year: int | None, home: Any) -> tuple[date, Scheme]:
    """The day and its scheme; ends with 2 where either, or the database, cannot be used."""
    _with_tables(home)
    from nhicard.insurer import clock
    from nhicard.insurer.incentives.scheme import BadScheme
    from nhicard.insurer.incentives.services import computing

    today = clock.now().date()
    day = as_of.date() if as_of else today - timedelta(days=1)
    if day > today:
        fail("--as-of 不能是未來的日子。--as-of must not lie in the future.")
    try:
        return day, computing.scheme_of(day, year)
    except KeyError:
        fail(f"沒有 {year} 年的獎勵方案。There is no scheme of ROC year {year}.")
    except (BadScheme, OSError) as trouble:
        fail(f"獎勵方案無法使用。The scheme cannot be used: {trouble}")


def fail(why: str) -> NoReturn:
    """End with 2 and the reason."""
    typer.echo(why, err=True)
    raise typer.Exit(2)


Found = Mapping[str, Sequence["Entitlement"]]


def _as_text(found: Found, scheme: Scheme, day: date, everything: bool) -> None:
    """What has begun, or all items of one institution."""
    from nhicard.insurer.incentives.engine import HELD, State
    from nhicard.insurer.incentives.kinds import sentences

    shown, points = {*HELD, State.LOST}, 0
    for code, items in found.items():
        points += sum(each.points for each in items)
        for each in items:
            if everything or each.state in shown:
                told = f"{sentences(each.reasons, english=False)} {sentences(each.reasons, english=True)}"
                typer.echo(f"{code} {each.item:<2} {each.points:>6,} {each.state:<7} {told}")
    typer.echo(f"{scheme.year} 截至 as of {day}: {len(found)} 家 institutions, {points:,} 點 points")


def _rows(found: Found, day: date) -> list[dict[str, Any]]:
    from nhicard.insurer.incentives.kinds import sentences

    return [
        {
            "as_of": day.isoformat(),
            "institution": code,
            "item": each.item,
            "points": each.points,
            "state": each.state.value,
            "reason_zh": sentences(each.reasons, english=False),
            "reason_en": sentences(each.reasons, english=True),
            "evidence": list(each.evidence),
            "missing": list(each.missing),
        }
        for code, items in found.items()
        for each in items
    ]


def _as_json(found: Found, scheme: Scheme, day: date, everything: bool) -> None:
    """Everything, with the scheme's digest."""
    told = {"scheme": scheme.year, "digest": scheme.digest, "as_of": day.isoformat(), "entitlements": _rows(found, day)}
    typer.echo(json.dumps(told, ensure_ascii=False, indent=1))


def _as_csv(found: Found, scheme: Scheme, day: date, everything: bool) -> None:
    """A row an item of an institution."""
    names = ("as_of", "institution", "item", "points", "state", "reason_zh", "reason_en", "evidence", "missing")
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    for row in _rows(found, day):
        writer.writerow(row | {"evidence": "; ".join(row["evidence"]), "missing": "; ".join(row["missing"])})


_WRITERS: Final = {Format.text: _as_text, Format.json: _as_json, Format.csv: _as_csv}
