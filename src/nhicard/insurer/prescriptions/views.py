"""Pages of prescriptions' images: an institution uploads them, its division looks at the doubtful ones."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.rights import DIVISION, EVERYBODY, INSTITUTION, allowed, signed_in, visible
from nhicard.insurer.audit import chain
from nhicard.insurer.portal.texts import text
from nhicard.insurer.prescriptions import presenters
from nhicard.insurer.prescriptions.models import Judgement, Outcome, QrImage
from nhicard.insurer.prescriptions.services import receiving
from nhicard.prescriptions import reading
from nhicard.prescriptions.reasons import Refused

_PAGE: Final = 50
_MEGABYTES: Final = reading.LARGEST >> 20


@require_GET
@allowed(*EVERYBODY)
def images(request: HttpRequest) -> HttpResponse:
    """The images that the user may see, newest first; ``before`` pages on, ``outcome`` filters."""
    user = signed_in(request)
    found = _images(user)
    outcome = request.GET.get("outcome", "")
    if outcome in Outcome.values:
        found = found.filter(outcome=outcome)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows: list[Any] = list(found.order_by("-pk")[: _PAGE + 1])
    facts = {
        "rows": [presenters.row(each, each.outcome) for each in rows[:_PAGE]],
        "next": rows[_PAGE - 1].pk if len(rows) > _PAGE else None,
        "outcome": outcome,
        "outcomes": [(value, text(f"prescriptions.outcome.{value}")) for value in Outcome.values],
        "is_institution": user.is_of_institution,
    }
    return render(request, "prescriptions/list.html", facts)


@require_http_methods(["GET", "POST"])
@allowed(*INSTITUTION)
def new(request: HttpRequest) -> HttpResponse:
    """The form; what cannot be read is told at once and not kept."""
    user = signed_in(request)
    institution = user.institution
    assert institution is not None
    facts: dict[str, Any] = {
        "megabytes": _MEGABYTES,
        "pages": reading.MOST_PAGES,
        "prescribes": institution.kind in receiving.PRESCRIBING,
    }
    if request.method == "GET":
        return render(request, "prescriptions/new.html", facts)
    if not facts["prescribes"]:
        return render(request, "prescriptions/new.html", facts, status=422)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Refused("no_file")
        if (file.size or 0) > reading.LARGEST:
            raise Refused("file_large")
        image, is_new = receiving.receive(institution, file.read(), user, clock.now())
    except Refused as refusal:
        return render(request, "prescriptions/new.html", facts | {"fault": presenters.why(refusal.reason)}, status=422)
    messages.info(request, text("prescriptions.kept" if is_new else "prescriptions.again"))
    return HttpResponseRedirect(reverse("prescriptions:detail", args=[image.pk]))


@require_GET
@allowed(*EVERYBODY)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """What was read of one image, masked, and what became of it."""
    user, image = signed_in(request), _image_or_404(signed_in(request), number)
    with transaction.atomic():
        chain.record(
            at=clock.now(),
            actor=user.username,
            role=user.role,
            action="qr-image.seen",
            subject=f"qr-image {image.pk}",
            institution=image.institution.code,
        )
    return _page(request, image)


@require_POST
@allowed(*DIVISION)
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """The division confirms or refuses a doubtful image."""
    user, image = signed_in(request), _image_or_404(signed_in(request), number)
    wish = request.POST.get("decision", "")
    if wish not in ("confirm", "refuse"):
        return _page(request, image, status=422, fault=text("prescriptions.error.decision"))
    try:
        receiving.decide(
            image, confirmed=wish == "confirm", remark=request.POST.get("remark", ""), user=user, now=clock.now()
        )
    except receiving.NoReason:
        return _page(request, image, status=422, fault=text("prescriptions.error.remark"))
    except receiving.NotDoubtful:
        messages.warning(request, text("prescriptions.error.settled"))
    else:
        messages.info(request, text("prescriptions.decided"))
    return HttpResponseRedirect(reverse("prescriptions:detail", args=[image.pk]))


def _page(request: HttpRequest, image: QrImage, status: int = 200, fault: str = "") -> HttpResponse:
    judgement = receiving.latest(image)
    outcome = judgement.outcome if judgement else Outcome.REFUSED
    visit = judgement.visit if judgement else None
    facts = {
        "image": presenters.row(image, outcome),
        "reasons": presenters.reasons(judgement),
        "facts": presenters.facts(image),
        "orders": presenters.orders(image),
        "visit": presenters.uploaded(visit) if visit else [],
        "is_archived": bool(judgement and judgement.visit_id and not visit),
        "visit_orders": presenters.uploaded_orders(visit) if visit else [],
        "steps": presenters.steps(image),
        "may_decide": signed_in(request).is_of_division and outcome == Outcome.DOUBTFUL,
        "fault": fault,
        "remark": request.POST.get("remark", ""),
    }
    return render(request, "prescriptions/detail.html", facts, status=status)


def _images(user: User) -> Any:
    """Images of institutions that the user may look at, each with its ``outcome``."""
    last = Judgement.objects.filter(image=OuterRef("pk")).order_by("-number").values("outcome")[:1]
    return (
        QrImage.objects.filter(institution__in=visible(user))
        .select_related("institution")
        .annotate(outcome=Subquery(last))
    )


def _image_or_404(user: User, number: int) -> QrImage:
    found: QrImage | None = _images(user).filter(pk=number).first() if number < 2**63 else None
    if found is None:
        raise Http404
    return found
