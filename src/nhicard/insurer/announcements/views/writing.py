"""The page on which an announcement is written."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from nhicard.insurer import clock
from nhicard.insurer.accounts.rights import allowed, signed_in
from nhicard.insurer.announcements.channels import configured
from nhicard.insurer.announcements.forms import AnnouncementForm
from nhicard.insurer.announcements.models import Section
from nhicard.insurer.announcements.services import delivering, publishing
from nhicard.insurer.announcements.services.publishing import Draft, UnusableFile
from nhicard.insurer.announcements.views.reading import AUTHORS
from nhicard.insurer.portal.texts import text


@require_http_methods(["GET", "POST"])
@allowed(*AUTHORS)
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
                specialties=form.cleaned_data["specialties"],
                is_public=form.cleaned_data["is_public"],
                expires_on=form.cleaned_data["expires_on"],
                files=[(each.name or "", each.read()) for each in files],
            )
            made = publishing.publish(draft, signed_in(request), clock.now())
            delivering.plan(made, configured(), clock.now())
        except UnusableFile as error:
            fault = text(str(error))
        else:
            messages.success(request, text("announcements.published"))
            return HttpResponseRedirect(reverse("announcements:detail", args=[made.pk]))
    status = 422 if request.method == "POST" else 200
    return render(request, "announcements/new.html", {"form": form, "fault": fault}, status=status)
