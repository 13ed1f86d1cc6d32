"""The audit log as a page and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import allowed, signed_in
from nhicard.insurer.audit import chain
from nhicard.insurer.audit import log as reading
from nhicard.insurer.audit.log import Filters
from nhicard.insurer.audit.models import Verification
from nhicard.insurer.portal.texts import text

_READERS: Final = (Role.AUDITOR, Role.HEADQUARTERS, Role.SUPERVISOR, Role.REPRESENTATIVE)
_VERIFIERS: Final = (Role.AUDITOR, Role.HEADQUARTERS)


class Search(forms.Form):
    """Filters and the page's beginning, as they stand in the address."""

    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    action = forms.CharField(max_length=40, required=False)
    actor = forms.CharField(max_length=40, required=False)
    subject = forms.CharField(max_length=80, required=False)
    before = forms.IntegerField(min_value=1, max_value=2**62, required=False)


@never_cache
@require_GET
@allowed(*_READERS)
def log(request: HttpRequest) -> HttpResponse:
    """Entries with filters, the newest first, and how far the chain was last found whole."""
    user = signed_in(request)
    search = Search(request.GET)
    filters, before = _asked(search)
    page = reading.page(reading.found(reading.seen_by(user), filters), before)
    shown = {
        "page": page,
        "filters": filters,
        "query": _query(filters),
        "is_paged": before is not None,
        "wrong": [text(f"audit.{name}") for name in search.errors],
        "state": Verification.objects.order_by("-at", "-pk").first(),
        "may_verify": user.role in _VERIFIERS,
    }
    return render(request, "audit/log.html", shown)


@never_cache
@require_GET
@allowed(*_READERS)
def as_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same entries as a CSV file, all pages; taking it away is itself an entry."""
    user = signed_in(request)
    filters, _ = _asked(Search(request.GET))
    entries = reading.found(reading.seen_by(user), filters)
    last = entries.order_by("-number").values_list("number", flat=True).first() or 0
    _note(user, "audit.exported", {name: str(value) for name, value in asdict(filters).items() if value})
    response = StreamingHttpResponse(_lines(entries.filter(number__lte=last)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return response


@require_POST
@allowed(*_VERIFIERS)
def verify(request: HttpRequest) -> HttpResponse:
    """Walk along the chain now."""
    walked = chain.verify(clock.now())
    if walked.broken is None:
        messages.success(request, text("audit.whole", number=walked.number))
    else:
        messages.error(request, text("audit.broken", number=walked.broken))
    _note(signed_in(request), "audit.verified", {"number": walked.number, "broken": walked.broken})
    return redirect("audit:log")


def _asked(search: Search) -> tuple[Filters, int | None]:
    """What was asked for, without what could not be read."""
    search.is_valid()
    asked: dict[str, Any] = search.cleaned_data
    return Filters(**{name: asked[name] for name in asdict(Filters()) if asked.get(name)}), asked.get("before")


def _query(filters: Filters) -> str:
    return urlencode({name: value for name, value in asdict(filters).items() if value})


def _note(user: User, action: str, facts: dict[str, Any]) -> None:
    code = user.institution.code if user.institution else ""
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action=action,
        subject="audit log",
        institution=code,
        facts=facts,
    )


def _lines(entries: Any) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield "\ufeff"  # by which spreadsheets know UTF-8
    for row in reading.rows(entries):
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
