"""``nhicard taxes``: load settled payments and owners, produce the year's documents, print those on paper."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="Tax documents: load, produce, print. 報稅文件：載入、製作、列印。")
_DAY: Final = ["%Y-%m-%d"]


class File(StrEnum):
    """The two files (docs/taxes.md)."""

    payments = "payments"
    owners = "owners"


Year = Annotated[int, typer.Option(metavar="YYY", min=84, max=999, help="ROC year of the documents.")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=_DAY, metavar="DATE", help="As of this day. Default: today.")
]


@app.command()
def load(
    file: Annotated[File, typer.Argument(help="What the files hold.")],
    paths: Annotated[list[Path], typer.Argument(metavar="CSV...", exists=True, dir_okay=False)],
    home: Home = None,
) -> None:
    """Load settled payments or owners; a file with a bad line is not loaded, and every bad line is told.

    載入已結算款項（payments）或負責人（owners）；有任何一列不符就整檔不載入，並逐列說明。重複載入無妨，更正會成為新的版次。
    """
    _set_up(home)
    from nhicard.insurer import clock
    from nhicard.insurer.taxes.services import loading

    is_refused = False
    for path in paths:
        try:
            done = loading.load(file.value, path.name, path.read_bytes(), clock.now())
        except loading.Unusable as refusal:
            is_refused = True
            typer.echo(f"{path.name}: 未載入 not loaded, {len(refusal.faults)} 處 faults", err=True)
            for each in refusal.faults:
                zh, en = _texts()[f"taxes.remedy.{each.remedy}"]
                where = f"第 {each.line} 行 line {each.line}"
                typer.echo(f"  {where}  {each.column}「{each.value}」{zh} {en}", err=True)
        else:
            told = f"新增 new {done.new}, 更正 changed {done.changed}, 未變 unchanged {done.unchanged}"
            typer.echo(f"{path.name}: {told}")
    if is_refused:
        raise typer.Exit(1)


@app.command()
def produce(year: Year, as_of: AsOf = None, home: Home = None) -> None:
    """Produce the documents of a year, due by the end of the following April; again only adds what differs.

    製作某年度的分列項目表、分列項目參考表與扣繳憑單（次年四月底前）；重複執行只新增有變動的版次。
    """
    _set_up(home)
    from nhicard.insurer import clock
    from nhicard.insurer.taxes.services import producing

    now = clock.now()
    day = as_of.date() if as_of else now.date()
    try:
        made = producing.produce(year, day, now)
    except producing.CannotProduce as refusal:
        _fail(" ".join(_texts()[f"taxes.cannot.{refusal.name}"]))
    due = producing.due_on(year)
    told = f"新增 new {made.new}, 更正 changed {made.changed}, 未變 unchanged {made.unchanged}"
    typer.echo(f"{year}: {told}; {_against(due, day)}")
    for code in made.ownerless:
        typer.echo(
            f"{code}: 撥付日查無負責人，未製作；請載入負責人 no owner on the day of payment; load owners", err=True
        )
    if made.ownerless:
        raise typer.Exit(1)


@app.command()
def paper(
    year: Year,
    division: Annotated[int, typer.Option(min=1, max=6, help="分區業務組 1 to 6.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PDF", help="Where to write; mode 0600.")],
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Print the letters to owners of closed institutions, former owners and owners aged 80 or above, by postal code.

    列印歇業機構、已卸任及年滿 80 歲負責人的紙本（一份 PDF，依郵遞區號排列）。
    """
    _set_up(home)
    from nhicard.identity import private_files
    from nhicard.insurer import clock
    from nhicard.insurer.registry.models import Institution
    from nhicard.insurer.taxes.services import paper as letters

    now = clock.now()
    day = as_of.date() if as_of else now.date()
    try:
        printed, count = letters.batch(
            Institution.objects.filter(division=division), year, day, now, "nhicard taxes paper"
        )
    except letters.NothingToPrint:
        typer.echo(" ".join(_texts()["taxes.paper.nobody"]))
        return
    private_files.write_private(output, printed)
    typer.echo(f"{output}: {count} 封 letters")


def _against(due: date, day: date) -> str:
    left = (due - day).days
    return f"期限 due {due}, " + (f"剩 {left} 天 days left" if left >= 0 else f"逾 {-left} 天 days late")


def _texts() -> Any:
    from nhicard.insurer.portal.texts import texts

    return texts()


def _set_up(home: Path | None) -> None:
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        _fail(reason)


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(2)
