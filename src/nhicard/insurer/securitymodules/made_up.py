"""Believable SAMs and applications for a demo: every state of an application, none of them with anybody's real key."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.registry.models import Institution, StaffMember
from nhicard.insurer.securitymodules import services

_REPRESENTATIVES = "ZYXWVUTSRQ"


@transaction.atomic
def seed(now: datetime) -> int:
    """Applications of the institutions that have a representative's account; how many. Again it adds nothing.

    The first institution's is downloaded already, the second's can be downloaded, the others' wait.
    """
    if CloudSamApplication.objects.exists():
        return 0
    users = User.objects.filter(role=Role.REPRESENTATIVE, institution__isnull=False).select_related("institution")
    made = 0
    for place, user in enumerate(users.order_by("pk")[: len(_REPRESENTATIVES)]):
        assert user.institution
        _name_representative(user, user.institution, place)
        at = now - timedelta(days=3, hours=place)
        if not user.institution.is_contracted(at.date()):
            continue
        application = services.apply(user, None, at)
        officer = User.objects.filter(role=Role.OFFICER, division=user.institution.division).first()
        if officer and place < 2:  # as the docstring says
            services.decide(application, officer, at + timedelta(hours=20), approved=True)
            if place == 0:
                services.download(user, None, application.pk, "demo password of nobody", at + timedelta(days=1))
        made += 1
    return made


def _name_representative(user: User, institution: Institution, place: int) -> None:
    """The account and the register name the same made-up person."""
    if institution.representative is None:
        id_no = user.national_id or _identity(place)
        institution.representative = StaffMember.objects.get_or_create(id_no=id_no, defaults={"name": "測試機構代表"})[
            0
        ]
        institution.save(update_fields=["representative"])
    if user.national_id != institution.representative.id_no:
        user.national_id = institution.representative.id_no
        user.save(update_fields=["national_id"])


def _identity(place: int) -> str:
    from nhicard.identity import national_id

    return str(national_id.with_check_digit([f"{_REPRESENTATIVES[place]}10000009"])[0])
