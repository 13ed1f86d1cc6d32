"""Announcements for the matrix of rights: for the user's place alone."""

from __future__ import annotations

from typing import Any

from tests.insurer.portal import people
from tests.insurer.portal.samples import sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement, LineAudience, Section
from nhicard.insurer.announcements.services import publishing
from nhicard.insurer.announcements.services.publishing import Draft


def _announcement(user: User) -> Announcement:
    audience: dict[str, Any] = {"divisions": [user.division]} if user.division else {}
    if user.institution:
        user.institution.kind = "hospital"
        user.institution.save()
        audience = {"kinds": ["hospital"]}
    draft = Draft(Section.NEWS, "測試", "內容", files=[("a.pdf", b"%PDF-")], **audience)
    return publishing.publish(draft, people.user("headquarters"), clock.now())


@sample("announcements:detail")
def announcement(user: User) -> dict[str, Any]:
    return {"number": _announcement(user).pk}


@sample("announcements:file")
def file(user: User) -> dict[str, Any]:
    made = _announcement(user)
    return {"number": made.pk, "file": made.files.get().pk}


@sample("announcements:deliveries")
@sample("announcements:retry")
def published(user: User) -> dict[str, Any]:
    """By somebody of the user's own place."""
    author = people.user("officer", division=user.division) if user.division else people.user("headquarters")
    return {"number": publishing.publish(Draft(Section.NEWS, "測試", "內容"), author, clock.now()).pk}


@sample("announcements:line_remove")
def group(user: User) -> dict[str, Any]:
    return {"number": LineAudience.objects.create(division=user.division, kind="clinic", group=21).pk}
