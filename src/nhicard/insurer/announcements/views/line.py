"""The groups of the LINE account: which segment has one, how many are in it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_http_methods, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.rights import allowed, signed_in
from nhicard.insurer.announcements import presenters
from nhicard.insurer.announcements.channels import NotNow, Refused, has_line, line_audiences
from nhicard.insurer.announcements.forms import GroupForm
from nhicard.insurer.announcements.services import line_groups
from nhicard.insurer.announcements.services.line_groups import Unusable
from nhicard.insurer.announcements.views.reading import AUTHORS
from nhicard.insurer.portal.texts import text


@require_http_methods(["GET", "POST"])
@allowed(*AUTHORS)
def groups(request: HttpRequest) -> HttpResponse:
    """The groups, and a form that adds one."""
    user = signed_in(request)
    form, fault = GroupForm(request.POST or None, own_division=user.division), ""
    account = line_audiences() if request.method == "POST" else None
    if request.method == "POST" and account is None:
        fault = text("announcements.line.off")
    elif account is not None and form.is_valid():
        segment = form.segment()
        with translation.override("zh-hant"):  # the account is kept in Chinese, whoever adds to it
            name = presenters.segment_name(segment)
        try:
            line_groups.add(segment, form.cleaned_data["group"], name, user, clock.now(), account)
        except Unusable as error:
            fault = text(str(error))
        except (NotNow, Refused) as error:
            fault = text("announcements.line.no_answer", why=str(error))
        else:
            messages.success(request, text("announcements.line.added", segment=presenters.segment_name(segment)))
            return HttpResponseRedirect(reverse("announcements:line"))
    facts = {
        "form": form,
        "fault": fault,
        "is_set_up": has_line(),
        "groups": presenters.groups(line_groups.visible(user)),
    }
    return render(request, "announcements/line.html", facts, status=422 if request.method == "POST" else 200)


@require_POST
@allowed(*AUTHORS)
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask LINE how the groups stand."""
    account = line_audiences()
    if account is None:
        messages.error(request, text("announcements.line.off"))
    else:
        try:
            asked = line_groups.ask_again(line_groups.visible(signed_in(request)), clock.now(), account)
        except (NotNow, Refused) as error:
            messages.error(request, text("announcements.line.no_answer", why=str(error)))
        else:
            messages.success(request, text("announcements.line.asked", count=asked))
    return HttpResponseRedirect(reverse("announcements:line"))


@require_POST
@allowed(*AUTHORS)
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Take a group off the list."""
    user = signed_in(request)
    row = get_object_or_404(line_groups.visible(user), pk=number)
    try:
        line_groups.remove(row, user, clock.now(), line_audiences())
    except Unusable as error:
        messages.error(request, text(str(error)))
    except (NotNow, Refused) as error:
        messages.error(request, text("announcements.line.no_answer", why=str(error)))
    else:
        messages.success(request, text("announcements.line.removed"))
    return HttpResponseRedirect(reverse("announcements:line"))
