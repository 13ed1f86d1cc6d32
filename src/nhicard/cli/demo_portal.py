"""The demo's last scene: the insurer's portal with the week in it, and institutions at each step of the way."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from nhicard.cli.insurer import ready

if TYPE_CHECKING:
    from nhicard.insurer.accounts.models import User

_CONSOLE: Final = Console(highlight=False)
_PASSWORD: Final = "demo 上傳改版 2.0"  # noqa: S105  # printed for who tries the demo
_CONTACT: Final = {
    "contact_name": "測試聯絡人",
    "contact_phone": "02-0000-0000",
    "contact_email": "contact@clinic.example",
    "wanted_from": None,
    "remark": "",
    "consequences_read": False,
}
_DIVISION: Final = 1


def prepare(insurer: Path, institutions: dict[str, str]) -> None:
    """Users, qualification, applications agreed and one that waits.

    ``institutions``: kind (hospital, clinic, pharmacy …) and code. Whoever meets both conditions is qualified.
    """
    ready(insurer)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the agent goes on sending in this process
    from nhicard.insurer import clock
    from nhicard.insurer.applications.services import cases
    from nhicard.insurer.applications.services.guards import Order
    from nhicard.insurer.monitoring.services import qualification
    from nhicard.insurer.registry import state
    from nhicard.insurer.registry.models import Contract, Institution

    now = clock.now()
    users: dict[str, User] = {}
    for kind, code in institutions.items():
        Institution.objects.filter(code=code).update(
            division=_DIVISION,
            kind=_REGISTERED_AS.get(kind, kind),
            name=f"測試{_NAMES[kind]}",
            short_name=f"測試{_NAMES[kind]}",
        )
        institution = Institution.objects.get(code=code)
        if not institution.is_contracted(now.date()):
            Contract.objects.create(institution=institution, valid_from=now.date() - timedelta(days=3650))
        for role in ("clerk", "representative"):
            users[f"{kind}.{role}"] = _user(f"{kind}.{role}", role, now, institution=institution)
    state.bump()
    for role in ("officer", "supervisor"):
        users[role] = _user(role, role, now, division=_DIVISION)
    for role in ("headquarters", "auditor"):
        users[role] = _user(role, role, now)
    found = qualification.qualify(now)
    _CONSOLE.print(f"\n[bold]資格判定 H1[/bold]：{found.qualified} 家符合 qualified, {found.not_yet} 家未達 not yet")
    for kind, is_agreed in _APPLICATIONS.items():
        representative = users[f"{kind}.representative"]
        case = cases.write(cases.draft(representative, "ic20", now), _CONTACT)
        case = cases.act(case.pk, "submit", representative, now)
        if is_agreed:
            cases.act(case.pk, "agree", users["officer"], now, Order(effective_from=now.date()))


def seed_services() -> None:
    """Believable data on the pages of the other services; none of it touches the week that was uploaded."""
    from nhicard.insurer import clock

    now = clock.now()
    for module in _SEEDS:
        import_module(f"nhicard.insurer.{module}").seed(now)


def show_steps() -> list[str]:
    """What each institution has come to; the codes of those that upload 2.0 for real."""
    from nhicard.insurer import clock
    from nhicard.insurer.applications.models import Case, Change
    from nhicard.insurer.applications.services import switching
    from nhicard.insurer.intake.models import EditionState
    from nhicard.insurer.registry.models import Institution

    now, switched = clock.now(), []
    qualified = {each.institution: each.qualified_at for each in EditionState.objects.all()}
    table = Table("院所 institution", "H1", "案件 case", "2.0", title="走到哪一步 how far each has come")
    for place in Institution.objects.filter(users__isnull=False).distinct().order_by("code"):
        case = Case.objects.filter(institution=place).order_by("-pk").first()
        standing = switching.standing(place.code, now)
        if standing == Change.SWITCHED:
            switched.append(place.code)
        table.add_row(
            f"{place.short_name} {place.code}",
            "是 yes" if qualified.get(place.code) else "–",
            f"{case.number} {case.get_state_display()}" if case else "–",
            standing.label if standing else "–",
        )
    _CONSOLE.print(table)
    return switched


def show(url: str, insurer: Path) -> None:
    """Where the portal is and who may sign in, with the codes that the users' telephones show now."""
    from nhicard.insurer import clock
    from nhicard.insurer.accounts.models import User
    from nhicard.insurer.accounts.services import second_factor

    table = Table("帳號 user", "角色 role", "此刻驗證碼 code now", title=f"入口網站 portal: {url}/portal/")
    for each in User.objects.order_by("pk"):
        device = second_factor.device_of(each)
        table.add_row(
            each.username, each.get_role_display(), second_factor.code_now(device, clock.now()) if device else ""
        )
    _CONSOLE.print(table)
    _CONSOLE.print(f"密碼 password: {_PASSWORD}", markup=False)
    _CONSOLE.print(
        f"之後的驗證碼 later codes: nhicard portal token USER --home {insurer}（NHICARD_TEST_CARDS=1）", soft_wrap=True
    )


def _user(username: str, role: str, now: datetime, **place: object) -> User:
    from nhicard.insurer.accounts.models import Role, User
    from nhicard.insurer.accounts.services import second_factor

    made = User.objects.create_user(username, _PASSWORD, name=f"測試{Role(role).label}", role=role, **place)
    device = second_factor.new_device(made)
    if (
        second_factor.confirm(
            device, second_factor.code_now(device, now - timedelta(minutes=1)), now - timedelta(minutes=1)
        )
        is None
    ):
        raise RuntimeError("the second factor was not taken")
    return made


_SEEDS: Final = (
    "hours.services.made_up",
    "taxes.services.made_up",
    "bandwidth.services.made_up",
    "securitymodules.made_up",
    "virtualcards.made_up",
    "followup.made_up",
    "absences.services.made_up",
    "detectors.services.made_up",
)
_NAMES: Final = {
    "hospital": "醫院",
    "clinic": "診所",
    "dental": "牙醫診所",
    "chinese": "中醫診所",
    "pharmacy": "藥局",
}
_REGISTERED_AS: Final = {"dental": "clinic", "chinese": "clinic"}
#: Who applies, and whether its division has agreed by the end of the story.
_APPLICATIONS: Final = {"hospital": True, "clinic": True, "dental": False}
