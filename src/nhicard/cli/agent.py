"""``nhicard agent``: the institution's agent, its queue and what became of each visit."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from nhicard.formats import rocdate

if TYPE_CHECKING:
    from nhicard.institution.agent.settings import Settings
    from nhicard.institution.outbox import Outbox

app = typer.Typer(
    no_args_is_help=True,
    help="The agent at an institution: takes visits, sends both editions in time, follows up.\n\n"
    "院所端代理程式：收進就醫資料、按時上傳 1.0 與 2.0、追蹤結果。",
)

Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="The agent's folder; default: the user's data folder for nhicard."),
]
_STATES: Final = {
    "waiting": "待處理 waiting",
    "held": "檢核未過，待修正 held for mending",
    "sent": "已送，等結果 sent",
    "accepted": "收載 accepted",
    "rejected": "退件 rejected",
    "left out": "該版本無此資料 not in this edition",
    "deleting": "刪除中 being deleted",
    "deleted": "已刪除 deleted",
}


@app.command()
def init(
    institution: Annotated[str, typer.Argument(help="Institution code, ten characters.")],
    insurer: Annotated[str, typer.Option(metavar="URL", help="The insurer's upload services.")],
    reader: Annotated[str, typer.Option(metavar="URL", help="The control software.")] = "https://localhost:5066",
    insurer_ca: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate to trust, for tests.")] = None,
    reader_ca: Annotated[Path | None, typer.Option(metavar="FILE", help="The control software's certificate.")] = None,
    home: Home = None,
) -> None:
    """Make the agent's folder with its settings (agent.toml). 建立代理程式的資料夾與設定檔。"""
    from nhicard.institution.agent import settings

    folder = _home(home)
    paths = [path.resolve() if path else None for path in (insurer_ca, reader_ca)]
    try:
        made = settings.create(folder, institution, insurer, paths[0], reader, paths[1])
    except FileExistsError:
        _fail(f"{folder / settings.FILE} 已存在 exists already")
    typer.echo(f"已建立 Made: {made}")


@app.command()
def run(
    home: Home = None,
    once: Annotated[bool, typer.Option("--once", help="One look at the sources, then until nothing is left.")] = False,
    console: Annotated[bool, typer.Option(help="Serve the console and the local API.")] = True,
) -> None:
    """Work until stopped (Ctrl-C ends after the present step). 執行代理程式。"""
    from nhicard.institution.agent.service import Service

    settings = _settings(home)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines quote addresses
    service = Service(settings)
    try:
        if once:
            now = rocdate.now()
            service.take_all(now)
            while service.turn(rocdate.now()):
                pass
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: service.stop())
        if console:
            _serve_console(settings)
        service.run()
    finally:
        service.close()


def _serve_console(settings: Settings) -> None:
    import uvicorn

    from nhicard.institution.console import Secrets, create_app

    secrets = Secrets.of(settings.home)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings.outbox, secrets), host="127.0.0.1", port=settings.port, log_level="warning")
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # ours end the agent, and with it this
    threading.Thread(target=server.run, name="console", daemon=True).start()
    typer.echo(f"工作台 Console: http://127.0.0.1:{settings.port}/", err=True)


@app.command()
def status(home: Home = None) -> None:
    """How many visits are in which state, what waits for another try, and what runs out of time. 目前狀況。"""
    from rich.console import Console
    from rich.table import Table

    from nhicard.institution.agent.deadlines import Urgency, open_visits
    from nhicard.institution.agent.overview import states
    from nhicard.institution.outbox import KINDS

    with _outbox(home) as outbox:
        counted = states(outbox)
        table = Table("上傳 upload", *(_STATES[state].partition(" ")[0] for state in _STATES))
        for code, kind in KINDS.items():
            if any(counted[code].values()):
                table.add_row(f"{kind.zh} {kind.en}", *(f"{counted[code].get(state, 0):,}" for state in _STATES))
        told = Console(highlight=False)
        told.print(table)
        if counted[""]["waiting"]:
            told.print(f"剛收進 just taken: {counted['']['waiting']:,}")
        for upload, kind_code, state, tries, trouble, next_at in outbox.rows(
            "SELECT id, kind, state, tries, trouble, next_at FROM upload "
            "WHERE state IN ('ready', 'received') ORDER BY id"
        ):
            told.print(f"檔案 file {upload} {kind_code} {state}: tried {tries}, next {next_at} {trouble}", markup=False)
        urgent = open_visits(outbox, rocdate.now())
        for urgency, zh in zip(Urgency, ("快到 24 小時", "只剩不到 1 小時", "已逾 24 小時"), strict=True):
            if count := int((urgent["urgency"] == urgency.value).sum()):
                told.print(f"{zh} {urgency.value}: {count:,}")


@app.command()
def retry(home: Home = None) -> None:
    """Try at once whatever waits for another try. 立即重試。"""
    from nhicard.institution.agent.sending import retry as at_once

    with _outbox(home) as outbox:
        typer.echo(f"檔案 Files: {at_once(outbox, rocdate.now())}")


@app.command()
def show(visit: Annotated[str, typer.Argument(help="Number of the visit in the outbox.")], home: Home = None) -> None:
    """One visit: what became of it in each edition, and every finding with its remedy. 一筆就醫的經過。"""
    from nhicard.checks.wording import sentences_of
    from nhicard.institution.outbox import KINDS

    if not visit.isdigit():
        _fail(f"{visit!r} 不是編號 is no number")
    with _outbox(home) as outbox:
        found = outbox.rows("SELECT visit_at, category, department, revision FROM visit WHERE id = ?", [int(visit)])
        if not found:
            _fail(f"沒有這筆就醫 there is no visit {visit}")
        at, category, department, revision = found[0]
        typer.echo(f"就醫 visit {visit}: {at} 類別 category {category} {department} 第 {revision} 版 revision")
        for kind, state, upload, record, reason in outbox.rows(
            "SELECT kind, state, upload, record, reason FROM track WHERE visit = ? ORDER BY kind DESC", [int(visit)]
        ):
            place = f" 檔案 file {upload} 第 {record} 筆 record" if upload else ""
            typer.echo(f"  {KINDS[kind].zh} {KINDS[kind].en}: {_STATES[state]}{place} {reason}".rstrip())
            for order, field, code, severity in outbox.rows(
                'SELECT "order", field, code, severity FROM finding WHERE visit = ? AND kind = ?', [int(visit), kind]
            ):
                place = f"{field}[{order}]" if order else field
                for sentence in sentences_of(KINDS[kind].edition, code, field):
                    typer.echo(f"    {place}:{code} {severity}  {sentence}")


@app.command()
def errors(
    home: Home = None,
    by: Annotated[str, typer.Option(metavar="COLUMN", help="Rank apart by department or staff.")] = "",
    most: Annotated[int, typer.Option("--show", metavar="N", help="How many lines.")] = 20,
) -> None:
    """The errors that keep most visits back. 錯誤排行。"""
    from nhicard.institution.agent.overview import ranking

    if by not in ("", "department", "staff"):
        raise typer.BadParameter("department or staff", param_hint="--by")
    with _outbox(home) as outbox:
        for row in ranking(outbox, within=[by] if by else []).head(most).iter_rows(named=True):
            who = f"{_masked(row[by]) if by == 'staff' else row[by]} " if by else ""
            typer.echo(
                f"{who}{row['records']:>6,} 筆  {row['edition']} {row['field']}:{row['code']}  {row['first_visit']}–"
                f"{row['last_visit']}\n        {row['text_zh']}\n        {row['text_en']}"
            )


@app.command()
def export(
    output: Annotated[Path, typer.Argument(help="File to write: .csv or .xlsx")],
    home: Home = None,
) -> None:
    """Every finding of every visit that is not accepted, for a spreadsheet. 匯出錯誤明細。"""
    from nhicard.institution.agent.overview import findings
    from nhicard.institution.results.export import csv_text, write_workbook

    with _outbox(home) as outbox:
        frame = findings(outbox).drop("value", "staff").rename({"record": "visit"})
    if output.suffix.lower() == ".xlsx":
        write_workbook(output, [("findings", frame)])
    else:
        output.write_text(csv_text(frame), encoding="utf-8-sig")
    typer.echo(f"{frame.height:,} 列 rows: {output}")


@app.command()
def switch(
    at: Annotated[str, typer.Argument(metavar="TIME", help="e.g. 2023-12-01T00:00, or never")],
    home: Home = None,
) -> None:
    """From when on 2.0 is uploaded for real and 1.0 no longer, as the insurer approved it.

    健保署核定後，切換為 2.0 正式上傳的時間。
    """
    try:
        moment = None if at == "never" else datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f"{at!r} is no time such as 2023-12-01T00:00") from None
    with _outbox(home) as outbox:
        outbox.switch(moment)
    typer.echo(f"切換時間 Switched from: {moment or 'never'}")


@app.command()
def password(home: Home = None) -> None:
    """Set the console's password. 設定工作台的密碼。"""
    from nhicard.institution.console import Secrets

    told = typer.prompt("新密碼 New password", hide_input=True, confirmation_prompt=True)
    try:
        Secrets.of(_settings(home).home).set_password(told)
    except ValueError as error:
        _fail(str(error))
    typer.echo("已設定 Set.")


def _home(home: Path | None) -> Path:
    from platformdirs import user_data_path

    return (home or user_data_path("nhicard") / "agent").resolve()


def _settings(home: Path | None) -> Settings:
    from nhicard.institution.agent import settings

    try:
        return settings.load(_home(home))
    except settings.UnusableSettings as error:
        _fail(str(error))
    except OSError:
        _fail(
            f"{_home(home) / settings.FILE} 不存在，請先執行 nhicard agent init；it is missing: run nhicard agent init"
        )


def _outbox(home: Path | None) -> Outbox:
    from nhicard.institution.outbox import Outbox

    return Outbox(_settings(home).outbox)


def _masked(person: str) -> str:
    return f"{person[:3]}*****{person[-2:]}"


def _fail(message: str) -> NoReturn:
    typer.echo(f"nhicard: {message}", err=True)
    raise typer.Exit(2)
