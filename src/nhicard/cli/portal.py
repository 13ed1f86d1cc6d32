"""``nhicard portal``: the portal's users, from the insurer's own machine."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

if TYPE_CHECKING:
    from nhicard.insurer.accounts.models import User

app = typer.Typer(no_args_is_help=True, help="The insurer's portal: its users. 健保資訊網服務系統的使用者。")
user = typer.Typer(no_args_is_help=True, help="Users: add, list, password, lock. 使用者帳號。")
app.add_typer(user, name="user")

_ACTOR = "command line"
Username = Annotated[str, typer.Argument(metavar="USER", help="User name.")]
Password = Annotated[
    str,
    typer.Option(
        prompt="暫時密碼 Temporary password",
        hide_input=True,
        confirmation_prompt=True,
        envvar="NHICARD_PORTAL_PASSWORD",
        help="Asked for where it is not in the environment; the user has to change it at the first sign-in.",
    ),
]


class RoleName(StrEnum):
    """Roles of the portal."""

    clerk = "clerk"
    representative = "representative"
    officer = "officer"
    supervisor = "supervisor"
    headquarters = "headquarters"
    auditor = "auditor"


@user.command()
def add(
    username: Username,
    role: Annotated[RoleName, typer.Option(help="What the user may do.")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    password: Password,
    institution: Annotated[str, typer.Option(metavar="CODE", help="Of clerks and representatives.")] = "",
    division: Annotated[int | None, typer.Option(min=1, max=6, help="Of officers and supervisors.")] = None,
    email: Annotated[str, typer.Option(help="Where messages go.")] = "",
    national_id: Annotated[
        str,
        typer.Option(
            envvar="NHICARD_PORTAL_NATIONAL_ID",
            help="Opens downloads, and lets the person's staff card sign in. The environment keeps it off the list "
            "of processes.",
        ),
    ] = "",
    home: Home = None,
) -> None:
    """Add a user with a temporary password.

    新增使用者；第一次登入時須設定手機驗證並更換密碼。
    """
    _with_tables(home)
    from django.core.exceptions import ValidationError
    from django.db import IntegrityError, transaction

    from nhicard.insurer import clock
    from nhicard.insurer.accounts.models import User
    from nhicard.insurer.accounts.services import passwords
    from nhicard.insurer.registry.models import Institution

    place = Institution.objects.filter(code=institution).first() if institution else None
    if institution and place is None:
        _refuse(f"沒有院所 {institution}。There is no institution {institution}.")
    if User.objects.filter(username=username).exists():
        _refuse(f"帳號 {username} 已存在。User {username} is there already.")
    made = User(username=username, role=role.value, name=name, institution=place, division=division)
    made.email, made.national_id = email, national_id
    try:
        with transaction.atomic():
            made.clean_fields(exclude=["password"])
            made.set_unusable_password()
            made.save(force_insert=True)
            _note(made, "account.added")
            passwords.change(made, password, clock.now(), by_administrator=True)
    except ValidationError as reason:
        _refuse("\n".join(reason.messages))
    except IntegrityError:
        _refuse(
            "角色與所屬單位不符：院所角色要給 --institution，分區角色要給 --division。\n"
            "The role needs its place: --institution for an institution's, --division for a division's."
        )
    typer.echo(f"已新增 Added: {username}")


@user.command("list")
def list_users(home: Home = None) -> None:
    """List the users."""
    _with_tables(home)
    from rich.console import Console
    from rich.table import Table

    from nhicard.insurer import clock
    from nhicard.insurer.accounts.models import User
    from nhicard.insurer.accounts.services import second_factor, signing_in

    now = clock.now()
    table = Table("帳號 user", "角色 role", "單位 place", "二次驗證 second factor", "狀態 state")
    for each in User.objects.select_related("institution").order_by("username"):
        place = str(each.institution or each.division or "")
        state = "停用 closed" if not each.is_active else "" if signing_in.is_open(each, now) else "鎖定 locked"
        table.add_row(each.username, each.role, place, "✓" if second_factor.device_of(each) else "", state)
    Console().print(table)


@user.command("password")
def set_password(
    username: Username,
    password: Password,
    second_factor: Annotated[
        bool, typer.Option("--reset-second-factor", help="Also forget telephone and recovery codes: they are lost.")
    ] = False,
    home: Home = None,
) -> None:
    """Give a user a temporary password, open a locked account, end the user's sessions.

    重設密碼並解除鎖定；使用者登入後須更換密碼。
    """
    found = _user(username, home)
    from django.core.exceptions import ValidationError
    from django.db import transaction
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from nhicard.insurer import clock
    from nhicard.insurer.accounts.services import passwords, signing_in

    try:
        with transaction.atomic():
            passwords.change(found, password, clock.now(), by_administrator=True)
            _note(found, "account.password_reset", second_factor=second_factor)
            signing_in.succeed(found)
            if second_factor:
                TOTPDevice.objects.filter(user=found).delete()
                found.recovery_codes.all().delete()
    except ValidationError as reason:
        _refuse("\n".join(reason.messages))
    typer.echo(f"已重設 Reset: {username}")


@user.command()
def lock(
    username: Username,
    reopen: Annotated[bool, typer.Option("--reopen", help="Open the account again.")] = False,
    home: Home = None,
) -> None:
    """Close a user's account and end the user's sessions.

    停用（或重新啟用）帳號。
    """
    found = _user(username, home)
    from django.db import transaction

    from nhicard.insurer import clock
    from nhicard.insurer.accounts.services import sessions, signing_in

    with transaction.atomic():
        found.is_active = reopen
        found.save(update_fields=["is_active"])
        if reopen:
            signing_in.succeed(found)
        else:
            sessions.end_all(found, clock.now())
        _note(found, "account.reopened" if reopen else "account.closed")
    typer.echo(f"{username}: {'已啟用 open' if reopen else '已停用 closed'}")


@app.command()
def token(username: Username, home: Home = None) -> None:
    """Print the code that a demo user's telephone would show, at its set-up too; only where test cards are on."""
    found = _user(username, home)
    from django.conf import settings

    from nhicard.insurer import clock
    from nhicard.insurer.accounts.services import second_factor

    if not settings.TEST_CARDS:
        _refuse("只有使用測試卡的環境才能產生驗證碼。Codes are only told where test cards are on.")
    device = second_factor.device_of(found) or second_factor.latest_try(found)
    if device is None:
        _refuse(f"請先以 {username} 登入一次。Sign in as {username} first: no telephone is being set up.")
    typer.echo(second_factor.code_now(device, clock.now()))


def _with_tables(home: Any) -> None:
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        _refuse(reason)


def _user(username: str, home: Any) -> User:
    _with_tables(home)
    from nhicard.insurer.accounts.models import User

    found = User.objects.filter(username=username).first()
    if found is None:
        _refuse(f"沒有帳號 {username}。There is no user {username}.")
    return found


def _note(found: User, action: str, **facts: Any) -> None:
    from nhicard.insurer import clock
    from nhicard.insurer.audit import chain

    code = found.institution.code if found.institution else ""
    subject = f"user {found.username}"
    chain.record(at=clock.now(), actor=_ACTOR, action=action, subject=subject, institution=code, facts=facts)


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(2)
