"""The insurer's commands: ``serve``, ``worker``, ``db``."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

Home = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="NHICARD_INSURER_HOME", metavar="DIR", help="Folder of database, keys and certificate."
    ),
]
db = typer.Typer(no_args_is_help=True, help="The insurer's database: upgrade, check, backup, restore. 資料庫維護。")

cloud_sam = typer.Typer(
    no_args_is_help=True, help="Applications for cloud SAMs: list, decide, revoke. 雲端安全模組申請審核。"
)


def register(app: typer.Typer) -> None:
    """Put the commands into the one of the whole package."""
    app.command()(serve)
    app.command()(worker)
    app.add_typer(db, name="db")
    app.add_typer(cloud_sam, name="cloud-sam")


def ready(home: Path | None) -> None:
    """Django set up on the chosen home."""
    if home:
        os.environ["NHICARD_INSURER_HOME"] = str(home.resolve())
    from nhicard.insurer import serving

    serving.set_up_django()


def _with_tables(home: Path | None) -> None:
    """Django set up on a home whose database is there and upgraded; ends with the reason where it is not."""
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)


def serve(
    home: Home = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8443,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer requests.")] = 1,
    test_cards: Annotated[
        bool, typer.Option("--test-cards", help="Issue cards for tests; never on a service with real persons.")
    ] = False,
) -> None:
    """Serve the insurer's services over HTTPS: the data centre for control software, the upload Web API.

    保險人端服務：控制軟體所連線的健保資料中心與上傳 Web API。第一次執行時建立資料庫與金鑰。
    The database is SQLite in the home folder unless DATABASE_URL names another.
    """
    if test_cards:
        os.environ["NHICARD_TEST_CARDS"] = "1"
    if host not in ("localhost", "127.0.0.1", "::1"):
        allowed = os.environ.get("NHICARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
        os.environ["NHICARD_ALLOWED_HOSTS"] = f"{allowed},{host}"
    ready(home)
    from django.conf import settings

    from nhicard.insurer import serving

    if serving.set_up():
        typer.echo(f"已建立金鑰 Keys made: {settings.HOME / 'keys'}（請備份 back them up）", err=True)
    typer.echo(f"服務位址 Serving: https://{host}:{port}  資料夾 folder: {settings.HOME}", err=True)
    serving.serve(host, port, workers)


def worker(
    home: Home = None,
    once: Annotated[bool, typer.Option("--once", help="Check what is waiting and end.")] = False,
    pause: Annotated[float, typer.Option(help="Seconds between two looks at an empty queue.")] = 0.5,
) -> None:
    """Check uploads that wait in the queue and write their results, until stopped (Ctrl-C ends after the batch).

    檢核佇列中的上傳檔並寫入結果。
    """
    ready(home)
    from nhicard.insurer import serving
    from nhicard.insurer.intake.worker import Worker

    serving.set_up()
    works = Worker(serving.check_context, heartbeat=serving.heartbeat_file())

    def stop(*_: Any) -> None:
        works.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if not once:
        works.run(pause)
        return
    done = 0
    while more := works.once():
        done += more
    typer.echo(f"已檢核 Checked: {done}", err=True)


@db.command()
def upgrade(home: Home = None) -> None:
    """Create or upgrade the tables."""
    ready(home)
    from nhicard.insurer import clock, serving
    from nhicard.insurer.partitions import ensuring

    serving.set_up()
    ensuring.ensure(clock.now())  # where no upgrade waited, too
    typer.echo("資料庫已是最新 The database is up to date.")


@db.command()
def check(home: Home = None) -> None:
    """Say whether the database can be used: reachable, upgraded, whole."""
    ready(home)
    from nhicard.insurer.operations import database

    troubles = database.troubles()
    for trouble in troubles:
        typer.echo(trouble, err=True)
    if troubles:
        raise typer.Exit(2)
    typer.echo("資料庫正常 The database is in order.")


@db.command()
def backup(file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")], home: Home = None) -> None:
    """Copy the database to a file while the services run."""
    ready(home)
    from nhicard.insurer.operations import database

    _plainly(database.backup, file)
    typer.echo(f"已備份 Written: {file}")


@db.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file made by `db backup`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Put a backup in place of the database. Stop the services first."""
    ready(home)
    if not yes:
        typer.confirm("目前的資料庫會被取代，要繼續嗎？ The present database will be replaced. Go on?", abort=True)
    from nhicard.insurer.operations import database

    _plainly(database.restore, file)
    typer.echo(f"已還原 Restored from: {file}")


@cloud_sam.command("list")
def list_applications(home: Home = None) -> None:
    """List the applications, oldest first."""
    _with_tables(home)
    from rich.console import Console
    from rich.table import Table

    from nhicard.insurer.datacentre.models import CloudSamApplication

    table = Table("編號 number", "院所 institution", "申請時間 applied", "狀態 state", "安全模組 SAM")
    for row in CloudSamApplication.objects.select_related("institution", "sam").order_by("applied_at"):
        sam = row.sam.number if row.sam else ""
        table.add_row(
            str(row.pk), row.institution.code, f"{row.applied_at:%Y-%m-%d %H:%M}", row.get_state_display(), sam
        )
    Console().print(table)


@cloud_sam.command("decide")
def decide_application(
    number: Annotated[int, typer.Argument(help="Number of the application.")],
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="The decision.")],
    home: Home = None,
) -> None:
    """Approve or refuse an application that waits for a decision."""
    _with_tables(home)
    from nhicard.insurer.datacentre.models import CloudSamApplication
    from nhicard.insurer.datacentre.services import security_modules

    application = CloudSamApplication.objects.filter(pk=number).first()
    if application is None:
        typer.echo(f"沒有 {number} 號申請。There is no application {number}.", err=True)
        raise typer.Exit(2)
    try:
        done = "cloud_sam.approved" if approve else "cloud_sam.refused"
        with _audited(done, f"application {number}", application.institution.code):
            security_modules.decide(application, approved=approve)
    except ValueError:
        typer.echo(f"{number} 號申請已有決定。Application {number} is decided already.", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{number}: {'核准 approved' if approve else '不核准 refused'}")


@cloud_sam.command("revoke")
def revoke_sam(sam: Annotated[str, typer.Argument(help="SAM id.")], home: Home = None) -> None:
    """Revoke a SAM: from now on its signatures are refused."""
    _with_tables(home)
    from nhicard.insurer import clock
    from nhicard.insurer.datacentre.services import security_modules
    from nhicard.insurer.registry.models import SecurityModule

    try:
        found = SecurityModule.objects.select_related("institution").get(number=sam)
        with _audited("sam.revoked", f"sam {found.pk}", found.institution.code):
            security_modules.revoke(sam, clock.now())
    except SecurityModule.DoesNotExist:
        typer.echo(f"沒有安全模組 {sam}。There is no SAM {sam}.", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"已註銷 Revoked: {sam}")


@contextmanager
def _audited(action: str, subject: str, institution: str) -> Iterator[None]:
    """What is done within, and its entry in the audit log: both or neither."""
    from django.db import transaction

    from nhicard.insurer import clock
    from nhicard.insurer.audit import chain

    with transaction.atomic():
        yield
        chain.record(at=clock.now(), actor="nhicard cloud-sam", action=action, subject=subject, institution=institution)


def _plainly(work: Any, file: Path) -> None:
    from nhicard.insurer.operations.database import CannotDo

    try:
        work(file.resolve())
    except (CannotDo, OSError) as reason:
        typer.echo(str(reason), err=True)
        raise typer.Exit(2) from None
