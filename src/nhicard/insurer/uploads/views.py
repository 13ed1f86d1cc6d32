"""Pages of an institution's uploads."""

from __future__ import annotations

import csv
import ipaddress
from itertools import islice
from typing import Any, Final

import polars as pl
from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from nhicard.insurer import clock
from nhicard.insurer.accounts.rights import INSTITUTION, allowed, signed_in
from nhicard.insurer.audit import chain
from nhicard.insurer.intake import limits
from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import Finding, Submission
from nhicard.insurer.intake.return_codes import Returned
from nhicard.insurer.intake.services import receiving, results
from nhicard.insurer.intake.services.receiving import Upload
from nhicard.insurer.portal.texts import text
from nhicard.insurer.uploads import presenters
from nhicard.insurer.uploads.preview import preview

_PAGE: Final = 50
_RANKED: Final = 20
_MEGABYTES: Final = limits.LARGEST_UPLOAD >> 20


@require_GET
@allowed(*INSTITUTION)
def uploads(request: HttpRequest) -> HttpResponse:
    """The latest uploads, newest first; ``before`` pages on, ``kind`` filters."""
    found = Submission.objects.filter(institution=_code(request))
    kind = request.GET.get("kind", "")
    if kind in KINDS:
        found = found.filter(kind=kind)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found.order_by("-pk")[: _PAGE + 1])
    facts = {
        "rows": [presenters.row(each) for each in rows[:_PAGE]],
        "next": rows[_PAGE - 1].pk if len(rows) > _PAGE else None,
        "kind": kind,
        "kinds": [(code, text(f"uploads.kind.{code}")) for code in KINDS],
    }
    return render(request, "uploads/list.html", facts)


@require_http_methods(["GET", "POST"])
@allowed(*INSTITUTION)
def new(request: HttpRequest) -> HttpResponse:
    """The form; a file is kept, or only checked."""
    faults: dict[str, str] = {}
    facts: dict[str, Any] = {
        "kinds": [(code, text(f"uploads.kind.{code}")) for code in KINDS],
        "kind": request.POST.get("kind", ""),
        "megabytes": _MEGABYTES,
        "faults": faults,
    }
    if request.method == "GET":
        return render(request, "uploads/new.html", facts)
    kind, file = KINDS.get(facts["kind"]), request.FILES.get("file")
    if kind is None:
        faults["kind"] = text("uploads.error.kind")
    if file is None:
        faults["file"] = text("uploads.error.file")
    elif (file.size or 0) > limits.LARGEST_UPLOAD:
        faults["file"] = text("uploads.error.too_large", size=_MEGABYTES)
    if kind is None or file is None or faults:
        return render(request, "uploads/new.html", facts, status=422)
    content = file.read()
    if "preview" in request.POST:
        return render(request, "uploads/new.html", facts | _previewed(request, content, kind.code))
    now = clock.now()
    upload = Upload(_code(request), "", Channel.VPN, kind.code, content, _address(request))
    try:
        limits.require_size(content)
        submission = receiving.receive(upload, now)
    except Returned as refusal:
        faults["file"] = refusal.detail
        return render(request, "uploads/new.html", facts, status=422)
    is_new = submission.received_at >= now.replace(microsecond=0)
    user = signed_in(request)
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action="upload.sent",
        subject=f"submission {submission.pk}",
        institution=submission.institution,
        facts={"kind": kind.code, "size": len(content)},
    )
    level, told = (messages.SUCCESS, "uploads.kept") if is_new else (messages.WARNING, "uploads.again")
    messages.add_message(request, level, text(told))
    address = reverse("uploads:detail", args=[submission.pk])
    if request.headers.get("x-requested-with") == "progress":
        return HttpResponse(status=201, headers={"Location": address})  # the script goes there, and the message with it
    return HttpResponseRedirect(address)


@require_GET
@allowed(*INSTITUTION)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """One upload: its counts, its errors counted, and each of them."""
    submission = _own(request, number)
    edition = presenters.edition_of(submission)
    after = request.GET.get("after", "")
    found = Finding.objects.filter(submission=submission).order_by("pk")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__gt=int(after))
    page = list(found.values("pk", "record", "order", "field", "code", "severity", "line")[: _PAGE + 1])
    ranked = (
        Finding.objects.filter(submission=submission)
        .values("code", "field", "severity")
        .annotate(count=Count("record", distinct=True))
        .order_by("-count", "code", "field")
    )
    facts = {
        "upload": presenters.row(submission),
        "ranking": list(presenters.faults(islice(ranked, _RANKED), edition)),
        "findings": list(presenters.faults(page[:_PAGE], edition)),
        "next": page[_PAGE - 1]["pk"] if len(page) > _PAGE else None,
        "is_first": not after,
        "is_expired": _expired(submission),
    }
    return render(request, "uploads/detail.html", facts)


@require_GET
@allowed(*INSTITUTION)
def result(request: HttpRequest, number: int) -> HttpResponse:
    """The result as the VPN way gives it."""
    submission = _ready(request, number)
    _saw(request, submission, "result.downloaded")
    response = HttpResponse(results.as_zip(submission), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{submission.receipt.strip()}.zip"'
    return response


@require_GET
@allowed(*INSTITUTION)
def errors(request: HttpRequest, number: int) -> HttpResponse:
    """Every finding as CSV, without persons."""
    submission = _ready(request, number)
    _saw(request, submission, "errors.downloaded")
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="errors-{submission.pk}.csv"'
    response.write("\ufeff")
    writer = csv.writer(response)
    writer.writerow([*presenters.COLUMNS, "meaning"])
    found = Finding.objects.filter(submission=submission).order_by("pk").values_list(*presenters.COLUMNS)
    writer.writerows(presenters.told(found.iterator(), presenters.edition_of(submission)))
    return response


def _previewed(request: HttpRequest, content: bytes, code: str) -> dict[str, Any]:
    seen = preview(content, KINDS[code], _code(request), clock.now())
    if seen.findings is None:
        return {"preview": seen, "refusal": " ".join(seen.refusal or ())}
    counted = (
        seen.findings.group_by("code", "field", "severity")
        .agg(count=pl.col("record").n_unique())
        .sort(["count", "code", "field"], descending=[True, False, False])
    )
    edition = KINDS[code].edition
    return {
        "preview": seen,
        "ranking": list(presenters.faults(counted.head(_RANKED).to_dicts(), edition)),
        "findings": list(presenters.faults(seen.findings.head(_PAGE).to_dicts(), edition)),
    }


def _own(request: HttpRequest, number: int) -> Submission:
    found = Submission.objects.filter(pk=number, institution=_code(request)).first()
    if found is None:
        raise Http404
    return found


def _ready(request: HttpRequest, number: int) -> Submission:
    submission = _own(request, number)
    try:
        results.require_ready(submission, clock.now())
    except (results.NotReady, results.Expired):
        raise Http404 from None
    return submission


def _expired(submission: Submission) -> bool:
    return submission.result_until is not None and clock.now() > submission.result_until


def _saw(request: HttpRequest, submission: Submission, action: str) -> None:
    user = signed_in(request)
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action=action,
        subject=f"submission {submission.pk}",
        institution=submission.institution,
    )


def _code(request: HttpRequest) -> str:
    institution = signed_in(request).institution
    assert institution is not None
    return institution.code


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
