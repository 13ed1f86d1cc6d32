"""Finding what a user may see; everything else is 404 by the same path."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from nhicard.insurer.accounts.models import DIVISION_ROLES, User
from nhicard.insurer.accounts.rights import visible
from nhicard.insurer.applications.models import Attachment, Case, State


def cases_of(user: User) -> QuerySet[Case]:
    """The cases handed in by institutions that the user may look at."""
    return (
        Case.objects.filter(institution__in=visible(user))
        .exclude(state=State.DRAFT)
        .select_related("institution", "officer")
    )


def case_or_404(user: User, number: str) -> Case:
    """One of them; another institution's is as unknown as one that does not exist."""
    found = cases_of(user).filter(number=number).first()
    if found is None:
        raise Http404
    return found


def attachment_or_404(user: User, pk: int) -> Attachment:
    """A file of a case that the user may see; files of drafts are the institution's own."""
    found: Any = Attachment.objects.filter(case__institution__in=visible(user), pk=pk).select_related(
        "case__institution"
    )
    if not user.is_of_institution:
        found = found.exclude(case__state=State.DRAFT)
    attachment: Attachment | None = found.first()
    if attachment is None:
        raise Http404
    return attachment


def colleagues(division: int | None) -> QuerySet[User]:
    """Who may be given a case of the division."""
    return User.objects.filter(role__in=DIVISION_ROLES, division=division, is_active=True).order_by("name", "pk")
