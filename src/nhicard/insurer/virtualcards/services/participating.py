"""Joining and leaving a setting, by the institution itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db import transaction

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.virtualcards.models import Participation, Setting


class Why(StrEnum):
    """Why something cannot be done; the words are ``virtualcards.cannot.<value>``."""

    JOINED = "joined"
    NOT_JOINED = "not_joined"
    PAST = "past"
    OVERLAP = "overlap"
    NOT_CONTRACTED = "not_contracted"


class CannotDo(Exception):
    """Nothing was changed; ``why`` says for what reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@transaction.atomic
def join(user: User, setting: Setting, first: date, now: datetime) -> Participation:
    """Take part from the day on, today at the earliest; the data centre takes the institution's virtual cards then.

    Raises CannotDo: a day that is over, joined already, the earlier participation is not over by then, no contract.
    """
    institution = _locked(user)
    if first < now.date():
        raise CannotDo(Why.PAST)
    if not institution.is_contracted(first):
        raise CannotDo(Why.NOT_CONTRACTED)
    earlier = institution.virtual_card_settings.filter(setting=setting)
    if earlier.filter(valid_until=None).exists():
        raise CannotDo(Why.JOINED)
    if earlier.filter(valid_until__gte=first).exists():
        raise CannotDo(Why.OVERLAP)
    made = Participation.objects.create(
        institution=institution, setting=setting, valid_from=first, joined_by=user, joined_at=now
    )
    if not institution.takes_virtual_cards:
        institution.takes_virtual_cards = True
        institution.save(update_fields=["takes_virtual_cards"])
    _audit(user, "virtual_cards.joined", institution, setting, first, now)
    return made


@transaction.atomic
def leave(user: User, setting: Setting, last: date, now: datetime) -> Participation:
    """Take part no longer than to the end of the day, yesterday at the earliest; one that has not begun is taken back.

    Raises CannotDo. Patients are not turned away by it: the data centre goes on taking their virtual cards.
    """
    institution = _locked(user)
    found = institution.virtual_card_settings.filter(setting=setting, valid_until=None).first()
    if found is None:
        raise CannotDo(Why.NOT_JOINED)
    if last < now.date() - timedelta(days=1):
        raise CannotDo(Why.PAST)
    if last < found.valid_from:
        found.delete()
    else:
        found.valid_until = last
        found.save(update_fields=["valid_until"])
    _audit(user, "virtual_cards.left", institution, setting, last, now)
    return found


def _locked(user: User) -> Institution:
    assert user.institution is not None
    return Institution.objects.select_for_update().get(pk=user.institution.pk)


def _audit(user: User, action: str, institution: Institution, setting: str, day: date, now: datetime) -> None:
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=action,
        subject=f"setting {setting}",
        institution=institution.code,
        facts={"day": day.isoformat()},
    )
