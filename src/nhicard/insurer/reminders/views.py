"""What an institution was reminded of, and its choices; for the insurer the log of all that were given."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import EVERYBODY, allowed, signed_in, visible
from nhicard.insurer.portal.texts import text
from nhicard.insurer.reminders import services
from nhicard.insurer.reminders.models import Reminder
from nhicard.insurer.reminders.topics import Topic, topics

_ON_A_PAGE: Final = 50


@allowed(*EVERYBODY)
def reminders(request: HttpRequest) -> HttpResponse:
    """Newest first; for an institution its own, and which topics it may decline."""
    user, now = signed_in(request), clock.now()
    found = Reminder.objects.filter(institution__in=visible(user)).select_related("institution", "opening")
    topic = request.GET.get("topic", "")
    if topic in topics():
        found = found.filter(topic=topic)
    page = Paginator(found.order_by("-at", "-pk"), _ON_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "rows": [_row(each) for each in page],
        "page": page,
        "topic": topic,
        "topics": [(each.code, _named(each)) for each in topics().values()],
        "choices": _choices(user),
    }
    answer = render(request, "reminders/list.html", shown)
    _note_opening(user, now)
    return answer


@require_POST
@allowed(Role.CLERK, Role.REPRESENTATIVE)
def choose(request: HttpRequest) -> HttpResponse:
    """Decline a topic, or ask for it again."""
    topic, is_declined = request.POST.get("topic", ""), request.POST.get("declined") == "yes"
    try:
        services.choose(signed_in(request), topic, is_declined=is_declined, now=clock.now())
    except PermissionDenied:
        messages.error(request, text("reminders.cannot_decline"))
    else:
        messages.success(request, text("reminders.declined" if is_declined else "reminders.wanted"))
    return redirect("reminders:list")


def _note_opening(user: User, now: datetime) -> None:
    if user.institution is not None:
        services.opened(user.institution, now)


def _row(reminder: Reminder) -> dict[str, object]:
    english = (translation.get_language() or "").startswith("en")
    return {
        "at": reminder.at,
        "institution": reminder.institution,
        "topic": _named(topics()[reminder.topic]),
        "title": reminder.title_en if english else reminder.title_zh,
        "body": reminder.body_en if english else reminder.body_zh,
        "link": reminder.link,
        "opened_at": reminder.opening.at if hasattr(reminder, "opening") else None,
    }


def _choices(user: User) -> list[tuple[Topic, str, bool]]:
    """Topics that may be declined, their names, and whether the user's institution did."""
    if user.institution is None:
        return []
    mine = user.institution.pk
    return [
        (each, _named(each), mine in services.declined(each.code)) for each in topics().values() if each.may_be_declined
    ]


def _named(topic: Topic) -> str:
    return topic.en if (translation.get_language() or "").startswith("en") else topic.zh
