"""Pages of the announcements."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from nhicard.formats import rocdate
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import DIVISION_ROLES, Role
from nhicard.insurer.accounts.rights import EVERYBODY, allowed, signed_in
from nhicard.insurer.announcements.channels import configured
from nhicard.insurer.announcements.forms import AnnouncementForm
from nhicard.insurer.announcements.models import Announcement, File, Reading, Section
from nhicard.insurer.announcements.services import audience, delivering, publishing
from nhicard.insurer.announcements.services.publishing import Draft, UnusableFile
from nhicard.insurer.portal.texts import text

_AUTHORS: Final = (*DIVISION_ROLES, Role.HEADQUARTERS)


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
            "section": each.get_section_display(),
            "day": rocdate.format_date(each.published_at),
            "is_new": user.is_of_institution and each.pk not in read,
        }
        for each in found
    ]
    facts = {"rows": rows, "section": section, "sections": Section.choices, "may_write": user.role in _AUTHORS}
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
        "day": rocdate.format_date(found.published_at),
        "files": found.files.values("pk", "name", "size"),
    }
    if user.role in _AUTHORS:
        facts["addressed"] = audience.recipients(found).count()
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


@require_http_methods(["GET", "POST"])
@allowed(*_AUTHORS)
def new(request: HttpRequest) -> HttpResponse:
    """Write and publish."""
    form = AnnouncementForm(request.POST or None)
    fault = ""
    if request.method == "POST" and form.is_valid():
        files = request.FILES.getlist("files")
        try:
            if len(files) > publishing.MOST_FILES:
                raise UnusableFile("announcements.error.many")
            draft = Draft(
                section=Section(form.cleaned_data["section"]),
                title=form.cleaned_data["title"],
                body=form.cleaned_data["body"],
                divisions=form.cleaned_data["divisions"],
                kinds=form.cleaned_data["kinds"],
                is_public=form.cleaned_data["is_public"],
                expires_on=form.cleaned_data["expires_on"],
                files=[(each.name or "", each.read()) for each in files],
            )
            made = publishing.publish(draft, signed_in(request), clock.now())
            delivering.plan(made, configured(), clock.now())
        except UnusableFile as error:
            fault = text(str(error))
        else:
            messages.info(request, text("announcements.published"))
            return HttpResponseRedirect(reverse("announcements:detail", args=[made.pk]))
    status = 422 if request.method == "POST" else 200
    return render(request, "announcements/new.html", {"form": form, "fault": fault}, status=status)


def _own(request: HttpRequest, number: int) -> Announcement:
    """The announcement if the user may see it now."""
    found = next((each for each in audience.shown_to(signed_in(request), clock.now()) if each.pk == number), None)
    if found is None:
        raise Http404
    return found
