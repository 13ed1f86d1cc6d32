"""``nhicard registry``: the insurer's registers loaded, listed, shown, made up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from nhicard.cli.insurer import Home, ready
from nhicard.cli.moments import moment

if TYPE_CHECKING:
    from nhicard.insurer.registry.loading import Loaded

_PROGRESS_AFTER = 2.0  # seconds
_LIST = ("清單 list", "版本", "列數 rows", "載入 since")
_KINDS = {"added": "新增 added", "ended": "終止 ended", "changed": "變更 changed"}

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The insurer's registers: institutions, staff, insured persons, drugs, payment items … (docs/registry.md)\n\n"
    "保險人登錄資料：院所、人員、保險對象、藥品、支付標準等清單的載入與查詢。",
)


@app.command()
def load(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Name of a list, or auto to go by the files' names.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="All files of the list: they take its place.")],
    shrink: Annotated[
        bool, typer.Option("--shrink", help="The list may lose more than a fifth of its entries.")
    ] = False,
    home: Home = None,
) -> None:
    """Load a list from open data or master files; the same content is nothing new. All files or none.

    載入清單（開放資料 CSV 或主檔）。內容相同時不會重複載入；任何一檔有誤則全部不載入。

    Examples:

      nhicard registry load institutions D21001-004.csv D21004-009.csv D21005-004.csv

      nhicard registry load auto downloads/*.csv
    """
    with _working(home) as tell:
        from nhicard.insurer import clock
        from nhicard.insurer.registry import loading

        found = loading.sources(kind, files, tell)
        loaded = loading.load(found, clock.now(), may_shrink=shrink, tell=tell)
    for each in loaded:
        _tell_loaded(each)


@app.command("list")
def list_(home: Home = None) -> None:
    """What is loaded: version, rows, since when.

    已載入的清單。
    """
    with _working(home):
        from nhicard.checks.reference.catalogue import catalogue
        from nhicard.insurer import clock
        from nhicard.insurer.registry import versions
        from nhicard.insurer.registry.models import SecurityModule

        in_force = versions.in_force(clock.now())
        specs = catalogue()
        modules = SecurityModule.objects.count()
    table = Table(*(Column(title, no_wrap=True) for title in _LIST), Column("來源 source", overflow="fold"), box=None)
    for name, spec in specs.items():
        version = in_force.get(name)
        if version:
            facts = [str(version.pk), f"{version.rows:,}", f"{version.loaded_at:%Y-%m-%d %H:%M}", version.source]
        else:
            facts = ["", "", "", "內附 shipped" if spec.shipped else "未載入 not loaded"]
        table.add_row(name, *map(escape, facts))
    Console().print(table)
    typer.echo(f"登錄的安全模組 SAMs in the register: {modules:,}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a list.")],
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="The version in force then, e.g. 2023-10-23T12:00.")
    ] = None,
    home: Home = None,
) -> None:
    """Show a list's version in force, its first rows, and the versions there are. Lists of persons show no rows.

    顯示清單目前（或指定時間）的版本與前幾列；個人資料不顯示內容。
    """
    with _working(home):
        from nhicard.insurer import clock
        from nhicard.insurer.registry import versions
        from nhicard.insurer.registry.changes import SHOWN, is_personal
        from nhicard.insurer.registry.loading import spec_of

        spec = spec_of(name)
        version = versions.in_force(moment(as_of, "--as-of") or clock.now()).get(spec.name)
        history = list(versions.described().filter(name=spec.name))
        rows = versions.frame(version).head(SHOWN) if version and not is_personal(spec) else None
    console = Console(highlight=False)
    console.print(f"{spec.name}：{spec.zh} · {spec.en}", markup=False)
    for each in history:
        mark = "→" if version and each.pk == version.pk else " "
        since = f"{each.loaded_at:%Y-%m-%d %H:%M:%S}"
        told = f"{mark} 版本 version {each.pk}  {since}  {each.rows:,} 列 rows  {each.source}"
        console.print(told, f"  SHA-256 {each.digest}", sep="\n", markup=False, soft_wrap=True)
    if version is None:
        console.print("此時尚未載入。Not loaded at that time.")
    elif rows is not None:
        content = Table(*rows.columns)
        for row in rows.iter_rows():
            content.add_row(*("" if value is None else escape(str(value)) for value in row))
        console.print(content)


@app.command()
def addresses(
    institution: Annotated[str, typer.Argument(metavar="INSTITUTION", help="Institution code.")],
    address: Annotated[
        list[str] | None,
        typer.Argument(metavar="ADDRESS...", help="IP addresses or networks; they replace those registered."),
    ] = None,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Remove all: uploads from any address are taken.")
    ] = False,
    home: Home = None,
) -> None:
    """Register from which addresses an institution uploads (Y011); without any, show them.

    登錄院所上傳用的 IP 位址或網段；不給位址時顯示目前登錄的。

    Example: nhicard registry addresses 3501200000 203.0.113.7 203.0.113.64/28
    """
    if address and anywhere:
        raise typer.BadParameter("位址與 --anywhere 只能擇一。Give addresses or --anywhere, not both.")
    with _working(home):
        from nhicard.insurer.registry import addresses as service

        now = service.register(institution, address or []) if address or anywhere else service.registered(institution)
    typer.echo("\n".join(now) or "未登錄，任何位址皆可上傳。None registered: uploads from any address are taken.")


@app.command()
def generate(
    institutions: Annotated[int, typer.Option(metavar="N", min=1, help="How many institutions.")],
    persons: Annotated[int, typer.Option(metavar="N", min=0, help="How many insured persons.")] = 0,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="The same seed makes the same register.")] = 1,
    sam_keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the private keys of the SAMs (JSON lines, mode 0600)."),
    ] = None,
    home: Home = None,
) -> None:
    """Make up a register for tests and load: institutions, contracts, suspensions, staff, persons, a SAM each.

    產生虛構的登錄資料，供測試與壓力測試；不會動到已載入的真實資料。
    """
    with _working(home) as tell:
        from nhicard.insurer import clock
        from nhicard.insurer.registry import issuing

        file = sam_keys.resolve() if sam_keys else None
        loaded, issued = issuing.generate(institutions, persons, seed, clock.now(), file, tell)
    for each in loaded:
        _tell_loaded(each)
    typer.echo(f"安全模組 SAMs：{issued:,} 張憑證 certificates" if issued else "安全模組 SAMs：無新增 nothing new")


@contextmanager
def _working(home: Path | None) -> Iterator[Callable[[str], None]]:
    """The database ready, a line of progress for what takes long, and refusals told plainly (exit code 2)."""
    ready(home)
    from nhicard.checks.reference import UnreadableList
    from nhicard.insurer import serving
    from nhicard.insurer.registry.addresses import BadAddress
    from nhicard.insurer.registry.loading import LoadRefused

    serving.set_up()
    errors = Console(stderr=True, highlight=False)
    status = errors.status("…")
    late = threading.Timer(_PROGRESS_AFTER, status.start)
    late.daemon = True
    if errors.is_terminal:
        late.start()
    try:
        yield lambda step: status.update(escape(step))
    except (UnreadableList, LoadRefused, BadAddress) as error:
        typer.echo(f"nhicard: {error.zh}\n{error.en}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"nhicard: 無法讀寫檔案。A file cannot be read or written: {error}", err=True)
        raise typer.Exit(2) from None
    finally:
        late.cancel()
        status.stop()


def _tell_loaded(loaded: Loaded) -> None:
    version, found = loaded.version, loaded.changes
    if not loaded.is_new:
        typer.echo(
            f"{version.name}：內容相同，無新增。Nothing new: {version.rows:,} rows, "
            f"version {version.pk} of {version.loaded_at:%Y-%m-%d %H:%M}."
        )
        return
    typer.echo(f"{version.name}：已載入 {version.rows:,} 列，版本 {version.pk}。Loaded: version {version.pk}.")
    for kind, told in _KINDS.items():
        number, examples = getattr(found, kind), found.examples.get(kind, [])
        more = " …" if number > len(examples) > 0 else ""
        typer.echo(f"  {told}: {number:,}" + (f"（{'、'.join(examples)}{more}）" if examples else ""))
    typer.echo(f"  未變 unchanged: {found.unchanged:,}")
