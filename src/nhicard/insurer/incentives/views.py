"""The pages: an institution's own items; for the insurer the list with totals, and the settlements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.rights import EVERYBODY, INSURER, allowed, institution_or_404, signed_in, visible
from nhicard.insurer.incentives import presenters
from nhicard.insurer.incentives.engine import Entitlement
from nhicard.insurer.incentives.forms import Asked
from nhicard.insurer.incentives.models import Line, Settlement
from nhicard.insurer.incentives.scheme import INSTITUTIONS
from nhicard.insurer.incentives.services import computing, tables
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

A_PAGE: Final = 50
_SETTLEMENTS: Final = 50
_AT_ONCE: Final = 2000


@require_GET
@allowed(*EVERYBODY)
def points(request: HttpRequest) -> HttpResponse:
    """The institution's own items; for the insurer the list of institutions."""
    user = signed_in(request)
    if user.institution:
        return _institution_page(request, user.institution)
    return _list_page(request, user)


@require_GET
@allowed(*EVERYBODY)
def of_institution(request: HttpRequest, code: str) -> HttpResponse:
    """The items of an institution."""
    user = signed_in(request)
    return _institution_page(request, institution_or_404(user, code), back=not user.is_of_institution)


@require_GET
@allowed(*INSURER)
def settlement(request: HttpRequest, number: int) -> HttpResponse:
    """One settlement with its lines."""
    found = _settlement_or_404(signed_in(request), number)
    page = Paginator(found.lines.order_by("institution", "item"), A_PAGE).get_page(request.GET.get("page"))
    names = tables.short_names(found.lines.all())
    shown = {
        "settlement": presenters.settlements([found], _sums([found]))[0],
        "digest": found.digest,
        "page": page,
        "lines": presenters.lines(page, names),
    }
    return render(request, "incentives/settlement.html", shown)


@require_GET
@allowed(*INSURER)
def settlement_csv(request: HttpRequest, number: int) -> HttpResponse:
    """The same as a file."""
    found = _settlement_or_404(signed_in(request), number)
    response = HttpResponse(tables.settlement_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="settlement-{found}.csv"'
    return response


def _institution_page(request: HttpRequest, institution: Institution, *, back: bool = False) -> HttpResponse:
    as_of = _as_of(request, Asked(request.GET))
    scheme = computing.scheme_of(as_of)
    found = computing.of_one(institution, scheme, as_of)
    lines = Line.objects.filter(institution=institution.code, year=scheme.year)
    lines = lines.select_related("settlement").defer(*_HEAVY_OF_LINES).order_by("-settlement__as_of", "item")
    rows = presenters.rows(found, scheme)
    shown = {
        "institution": institution,
        "back": back,
        "of": text("incentives.of", year=scheme.year, day=presenters.day(as_of)),
        "as_of": request.GET.get("as_of", ""),
        "rows": [row for row in rows if row.of_points],
        "progress": sorted((row for row in rows if not row.of_points), key=lambda row: row.code),
        "points": computing.points(found),
        "points_told": presenters.number(computing.points(found)),
        "ceiling": (ceiling := scheme.ceilings.get(institution.kind, 0)),
        "ceiling_told": presenters.number(ceiling),
        "settled": presenters.number(lines.aggregate(total=Sum("difference"))["total"] or 0),
        "next_steps": presenters.next_steps(found, scheme),
        "lines": presenters.lines(lines, {}),
    }
    return render(request, "incentives/institution.html", shown)


def _list_page(request: HttpRequest, user: User) -> HttpResponse:
    form = Asked(request.GET)
    as_of = _as_of(request, form)
    asked: dict[str, Any] = form.cleaned_data
    scheme = computing.scheme_of(as_of)
    institutions = _asked_for(computing.earning(visible(user)), asked).order_by("code")
    item, state = asked.get("item") or "", asked.get("state") or ""
    # thousands of institutions take seconds: without need only those of the page are computed
    whole = bool(item or state or asked.get("totals")) or institutions.count() <= _AT_ONCE
    if whole:
        found = _standing(computing.of_many(computing.facts_of(institutions), scheme, as_of), item, state)
        page = Paginator(list(found), A_PAGE).get_page(asked.get("page"))
    else:
        page = Paginator(institutions.values_list("code", flat=True), A_PAGE).get_page(asked.get("page"))
        shown_alone = institutions.filter(code__in=list(page.object_list))
        found = computing.of_many(computing.facts_of(shown_alone), scheme, as_of)
    shown_here = institutions.filter(code__in=list(page.object_list))
    settlements = _settlements(user).filter(year=scheme.year)[:_SETTLEMENTS]
    query = request.GET.copy()
    query.pop("page", None)
    shown = {
        "of": text("incentives.of", year=scheme.year, day=presenters.day(as_of)),
        "asked": request.GET.dict(),
        "query": query.urlencode(),
        "page": page,
        "whole": whole,
        "count": presenters.number(page.paginator.count),
        "points": presenters.number(sum(computing.points(items) for items in found.values())),
        "rows": presenters.listed(shown_here, found, scheme),
        "items": [item for item in scheme.items if item.points],
        "codes": sorted(scheme.codes),
        "totals": presenters.totals(found.values(), scheme),
        "states": [(name, text(f"incentives.state.{name}")) for name in presenters.MARKS],
        "kinds": [(name, text(f"incentives.kind.{name}")) for name in INSTITUTIONS],
        "divisions": [] if user.is_of_division else [(each, text(f"division.{each}")) for each in range(1, 7)],
        "settlements": presenters.settlements(settlements, _sums(settlements)),
    }
    return render(request, "incentives/list.html", shown)


def _as_of(request: HttpRequest, form: Asked) -> date:
    """The day that is asked for; today where none is, or one that has not come."""
    today = clock.now().date()
    form.is_valid()
    told: date | None = form.cleaned_data.get("as_of")
    if "as_of" in form.errors or (told and told > today):
        messages.warning(request, text("incentives.wrong.as_of"))
        return today
    return told or today


def _asked_for(institutions: QuerySet[Institution], asked: Mapping[str, Any]) -> QuerySet[Institution]:
    if wanted := (asked.get("q") or "").strip():
        institutions = institutions.filter(Q(code__startswith=wanted) | Q(name__contains=wanted))
    if asked.get("kind"):
        institutions = institutions.filter(kind=asked["kind"])
    if asked.get("division"):
        institutions = institutions.filter(division=asked["division"])
    return institutions


def _standing(found: dict[str, tuple[Entitlement, ...]], item: str, state: str) -> dict[str, tuple[Entitlement, ...]]:
    """Those of which an item, or the item that is asked for, stands as asked."""
    if not item and not state:
        return found
    return {
        code: items
        for code, items in found.items()
        if any(each.item == (item or each.item) and each.state == (state or each.state) for each in items)
    }


_HEAVY: Final = ("scheme", "events", "institutions")
_HEAVY_OF_LINES: Final = tuple(f"settlement__{name}" for name in _HEAVY)


def _settlements(user: User) -> QuerySet[Settlement]:
    """Those that the user may look at, the newest first, without what they were computed from."""
    found: QuerySet[Settlement] = Settlement.objects.defer(*_HEAVY).order_by("-as_of", "division")
    return found.filter(division=user.division) if user.division else found


def _settlement_or_404(user: User, number: int) -> Settlement:
    found = _settlements(user).filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _sums(found: Any) -> dict[int, tuple[int, int]]:
    """Lines and points of each settlement."""
    lines = Line.objects.filter(settlement__in=[each.pk for each in found]).order_by().values("settlement")
    counted = lines.annotate(lines=Count("pk"), points=Sum("difference"))
    return {each["settlement"]: (each["lines"], each["points"]) for each in counted}
