"""What became of the messages that carry announcements outside the portal."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.rights import allowed, signed_in
from nhicard.insurer.announcements import presenters
from nhicard.insurer.announcements.channels import configured
from nhicard.insurer.announcements.models import Announcement, Delivery
from nhicard.insurer.announcements.services import delivering, publishing
from nhicard.insurer.announcements.views.reading import AUTHORS
from nhicard.insurer.audit import chain
from nhicard.insurer.portal.texts import text

_PAGE: Final = 50


@require_GET
@allowed(*AUTHORS)
def tallies(request: HttpRequest) -> HttpResponse:
    """The announcements of the user's place, with their messages counted."""
    page = Paginator(publishing.published_by(signed_in(request)), _PAGE).get_page(request.GET.get("page"))
    facts = {"rows": presenters.tallies(page), "page": page, "channels": _channels()}
    return render(request, "announcements/tallies.html", facts)


@require_GET
@allowed(*AUTHORS)
def deliveries(request: HttpRequest, number: int) -> HttpResponse:
    """The messages of one announcement; ``state`` filters."""
    announcement = _own(request, number)
    found = announcement.deliveries.order_by("channel", "pk")
    state = request.GET.get("state", "")
    if state in Delivery.State.values:
        found = found.filter(state=state)
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    facts: dict[str, Any] = {
        "announcement": announcement,
        "tally": presenters.tallies([announcement])[0],
        "rows": list(presenters.messages(page, announcement)),
        "page": page,
        "state": state,
        "states": [(each.value, text(f"announcements.state.{each.value}")) for each in Delivery.State],
        "channels": _channels(),
        "without_group": presenters.without_group(announcement),
    }
    return render(request, "announcements/deliveries.html", facts)


@require_POST
@allowed(*AUTHORS)
def retry(request: HttpRequest, number: int) -> HttpResponse:
    """What failed is tried again, and who was added since is told too."""
    announcement, user, now = _own(request, number), signed_in(request), clock.now()
    with transaction.atomic():
        again = delivering.try_again(announcement, now)
        new = delivering.plan(announcement, configured(), now)
        chain.record(
            at=now,
            actor=user.username,
            role=user.role,
            action="announcement.retried",
            subject=f"announcement {announcement.pk}",
            facts={"again": again, "new": new},
        )
    messages.success(request, text("announcements.retried", again=again, new=new))
    return HttpResponseRedirect(reverse("announcements:deliveries", args=[number]))


def _own(request: HttpRequest, number: int) -> Announcement:
    return get_object_or_404(publishing.published_by(signed_in(request)), pk=number)


def _channels() -> str:
    """The ways that are set up, in words."""
    names = [text(f"announcements.channel.{each.name}") for each in configured()]
    return text("announcements.comma").join(names)
