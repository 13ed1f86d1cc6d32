"""Pages on which announcements are read."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import DIVISION_ROLES, Role
from nhicard.insurer.accounts.rights import EVERYBODY, allowed, signed_in
from nhicard.insurer.announcements import presenters
from nhicard.insurer.announcements.models import Announcement, File, Reading, Section
from nhicard.insurer.announcements.services import audience, publishing
from nhicard.insurer.monitoring.presenting import moment_text
from nhicard.insurer.portal.texts import text

#: Who writes announcements and looks after what becomes of them outside the portal.
AUTHORS: Final = (*DIVISION_ROLES, Role.HEADQUARTERS)


@require_GET
@allowed(*EVERYBODY)
def announcements(request: HttpRequest) -> HttpResponse:
    """Those for the user, of one section or of all; unread ones are marked."""
    user = signed_in(request)
    section = request.GET.get("section", "")
    found = audience.shown_to(user, clock.now())
    if section in Section.values:
        found = [each for each in found if each.section == section]
    read = set(Reading.objects.filter(user=user).values_list("announcement_id", flat=True))
    rows = [
        {
            "number": each.pk,
            "title": each.title,
            "section": text(f"announcements.section.{each.section}"),
            "day": moment_text(each.published_at),
            "is_new": user.is_of_institution and each.pk not in read,
        }
        for each in found
    ]
    facts = {"rows": rows, "section": section, "may_write": user.role in AUTHORS}
    facts["sections"] = [(each.value, text(f"announcements.section.{each.value}")) for each in Section]
    return render(request, "announcements/list.html", facts)


@require_GET
@allowed(*EVERYBODY)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """One announcement; that it was opened is noted. Authors see how many institutions have read it."""
    user, now = signed_in(request), clock.now()
    found = _own(request, number)
    publishing.note_reading(found, user, now)
    facts: dict[str, Any] = {
        "announcement": found,
        "day": moment_text(found.published_at),
        "section": text(f"announcements.section.{found.section}"),
        "files": found.files.values("pk", "name", "size"),
    }
    if user.role in AUTHORS:
        facts["addressed"] = audience.recipients(found).count()
        facts["audience"] = presenters.audience_of(found)
        facts["is_ours"] = publishing.published_by(user).filter(pk=found.pk).exists()
        facts["read"] = found.readings.values("institution").distinct().count()
    return render(request, "announcements/detail.html", facts)


@require_GET
@allowed(*EVERYBODY)
def file(request: HttpRequest, number: int, file: int) -> HttpResponse:
    """A file of an announcement, always as a download."""
    found = File.objects.filter(pk=file, announcement=_own(request, number)).first()
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.content), content_type=found.content_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name)}"
    return response


def _own(request: HttpRequest, number: int) -> Announcement:
    """The announcement if the user may see it now."""
    found = next((each for each in audience.shown_to(signed_in(request), clock.now()) if each.pk == number), None)
    if found is None:
        raise Http404
    return found
