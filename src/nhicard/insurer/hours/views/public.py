"""For everybody, without signing in: which institution is open on a day, and the file of fixed hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from nhicard.insurer import clock
from nhicard.insurer.hours import presenters
from nhicard.insurer.hours.forms import PublicForm, choices
from nhicard.insurer.hours.models import Premises
from nhicard.insurer.hours.services import files, holidays
from nhicard.insurer.hours.services.opening import Opening, openings
from nhicard.insurer.hours.specialties import name as specialty_name
from nhicard.insurer.opendata.tables import counties
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Contract, Institution, Suspension, Validity

_ON_A_PAGE: Final = 50
_LANGUAGES: Final = {"zh": "zh-hant", "en": "en"}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The form, and what was found once a county or a place is told."""
    form = PublicForm(request.GET)
    form.is_valid()
    asked: dict[str, Any] = form.cleaned_data
    language = _LANGUAGES.get(asked.get("lang") or "") or translation.get_language() or _LANGUAGES["zh"]
    with translation.override(language):
        return render(request, "hours/public.html", _shown(asked, clock.now().date()))


@require_safe
def fixed_hours(request: HttpRequest) -> HttpResponseBase:
    """The file that ``nhicard hours export`` published last."""
    file = files.published()
    try:
        found = file.stat()
    except FileNotFoundError:
        raise Http404 from None
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag)
    if response is None:
        response = FileResponse(file.open("rb"), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response["ETag"] = etag
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _shown(asked: dict[str, Any], today: date) -> dict[str, Any]:
    day = asked.get("day") or today
    holiday = holidays.of_day(day)
    language = "en" if presenters.is_english() else "zh"
    query = {name: str(value) for name, value in asked.items() if value and name not in ("lang", "page")}
    shown: dict[str, Any] = {
        "asked": query,
        "day": day.isoformat(),
        "day_text": presenters.day_text(day),
        "language": language,
        "here": urlencode(query | {"lang": language}),
        "there": urlencode(query | {"lang": "zh" if language == "en" else "en"}),
        "counties": _counties(),
        "specialties": choices(),
        "sessions": presenters.session_names(),
        "holiday": presenters.holiday(holiday, today) if holiday else None,
        "has_file": files.published().exists(),
    }
    if not (asked.get("county") or asked.get("place")):
        return shown
    institutions = _near(asked, day)
    found = openings(institutions, day)
    matching = {key for key, each in found.items() if _matches(each, asked)}
    places = [each for each in institutions.order_by("code") if each.pk in matching]
    shown["page"] = Paginator(places, _ON_A_PAGE).get_page(asked.get("page"))
    premises = Premises.objects.in_bulk([each.pk for each in shown["page"]], field_name="institution_id")
    shown["rows"] = [_row(each, found[each.pk], premises) for each in shown["page"]]
    if holiday:
        required = holidays.required(holiday, institutions).values_list("pk", flat=True)
        shown["unknown"] = sum(key not in found for key in required)
    return shown


def _near(asked: dict[str, Any], day: date) -> QuerySet[Institution]:
    """Institutions in business there: by county, and by a part of the address, of the name, or by a code.

    A whole code finds what is registered in the same county and township.
    """
    contracted = Contract.objects.filter(Validity.on(day)).values("institution")
    suspended = Suspension.objects.filter(Validity.on(day)).values("institution")
    found = Institution.objects.filter(kind__in=holidays.KINDS, pk__in=contracted).exclude(pk__in=suspended)
    found = found.exclude(premises__in=Premises.objects.exclude(state=files.IN_BUSINESS))
    if county := asked.get("county"):
        codes = counties().filter(counties()["name_zh"] == county)["code"].to_list()
        told = [county, county.replace("臺", "台"), *codes]
        registered = Q(county="", code__regex=rf"^..({'|'.join(codes)})") if codes else Q(pk__in=[])
        found = found.filter(Q(county__in=told) | registered)
    if place := (asked.get("place") or "").strip().replace("台", "臺"):
        here = Q(premises__address__contains=place) | Q(name__contains=place) | Q(code=place)
        if len(place) == 10 and place.isascii() and place.isalnum():
            here |= Q(code__regex=rf"^..{place[2:6]}")
        found = found.filter(here)
    return found


def _matches(opening: Opening, asked: dict[str, Any]) -> bool:
    session, specialty = asked.get("session"), asked.get("specialty")
    sessions = [codes for each, codes in opening.sessions.items() if not session or each == session]
    return any(not specialty or specialty in codes for codes in sessions)


@dataclass(frozen=True, slots=True)
class Row:
    """An institution that is open."""

    code: str
    name: str
    address: str
    telephone: str
    sessions: list[tuple[str, str]]
    fees: list[tuple[str, str]]
    remark: str


def _row(place: Institution, opening: Opening, premises: Mapping[int, Premises]) -> Row:
    where = premises.get(place.pk)
    return Row(
        code=place.code,
        name=place.name,
        address=where.address if where else "",
        telephone=where.telephone if where else "",
        sessions=presenters.sessions_told(opening.sessions),
        fees=[
            (specialty_name(code), text("hours.money", amount=f"{fee:,}")) for code, fee in sorted(opening.fees.items())
        ],
        remark=opening.remark,
    )


def _counties() -> list[tuple[str, str]]:
    names = dict(counties().select("name_zh", "name_en").iter_rows())
    return [(zh, en if presenters.is_english() else zh) for zh, en in names.items()]
