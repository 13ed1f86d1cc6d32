"""The public page and the files. Nobody signs in here; what is shown was published."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from nhicard.insurer.incentives import presenters as incentives
from nhicard.insurer.incentives import scheme as schemes
from nhicard.insurer.incentives.services import computing
from nhicard.insurer.opendata import presenters, queries
from nhicard.insurer.opendata.chart import chart
from nhicard.insurer.opendata.services import publishing, store
from nhicard.insurer.opendata.tables import FILES

#: What the chart counts where no item is asked for.
_CHARTED: Final = "H"
_A_PAGE: Final = 25
_LANGUAGES: Final = {"zh": "zh-hant", "en": "en"}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Search, filters, chart, downloads and what the codes mean."""
    form = queries.Asked(request.GET)
    form.is_valid()
    asked: dict[str, Any] = form.cleaned_data
    language = _LANGUAGES.get(asked.get("lang") or "") or translation.get_language() or _LANGUAGES["zh"]
    with translation.override(language):
        return render(request, "opendata/page.html", _shown(asked, "en" if language.startswith("en") else "zh"))


@require_safe
def latest(request: HttpRequest, name: str) -> HttpResponseBase:
    """A file of the latest day."""
    return _file(request, store.latest(publishing.folder()), name)


@require_safe
def of_day(request: HttpRequest, day: str, name: str) -> HttpResponseBase:
    """A file of a day, ``yyyy-mm-dd``."""
    try:
        told = date.fromisoformat(day)
    except ValueError:
        raise Http404 from None
    return _file(request, store.of_day(publishing.folder(), told), name)


def _file(request: HttpRequest, found: Path | None, name: str) -> HttpResponseBase:
    if found is None or name not in FILES:
        raise Http404
    etag = f'"{found.name}/{name}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag)
    if response is None:
        response = FileResponse((found / name).open("rb"), content_type=_content_type(name))
        response["Content-Disposition"] = f'attachment; filename="{queries.day_of(found)}-{name}"'
    response["ETag"] = etag
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _content_type(name: str) -> str:
    return f"{FILES[name]}; charset=utf-8" if FILES[name] == "text/csv" else FILES[name]


def _shown(asked: dict[str, Any], language: str) -> dict[str, Any]:
    """What the template shows, in the language that is switched on."""
    query = {name: str(value) for name, value in asked.items() if value and name not in ("lang", "page")}
    shown: dict[str, Any] = {
        "asked": query,
        "language": language,
        "here": urlencode(query | {"lang": language}),
        "there": urlencode(query | {"lang": "zh" if language == "en" else "en"}),
    }
    found = queries.release_of(asked.get("day"))
    if found is None:
        return shown
    day, rows = queries.day_of(found), publishing.records(found)
    scheme = schemes.in_force(computing.all_schemes(), day)
    matching = queries.matching(rows, asked)
    size = asked.get("page_size") or _A_PAGE
    pages = max(1, -(-matching.height // size))
    number = min(asked.get("page") or 1, pages)
    charted = asked.get("item") or _CHARTED
    of_item = queries.matching(rows, asked | {"item": charted})
    return shown | {
        "day": incentives.day(day),
        "day_iso": day.isoformat(),
        "records": f"{rows.height:,}",
        "institutions": f"{rows['醫事機構代碼'].n_unique():,}",
        "divisions": presenters.choices(rows, "分區代碼", "分區名稱"),
        "counties": presenters.choices(rows, "縣市名稱", "縣市名稱"),
        "items": sorted(scheme.codes),
        "rows": presenters.rows(queries.part(matching, number, size), scheme),
        "count": f"{matching.height:,}",
        "page": number,
        "pages": pages,
        "charted": charted,
        "chart": chart(of_item, presenters.place),
        "files": presenters.files(found),
        "codes": presenters.codes(scheme),
        "ceilings": presenters.ceilings(scheme),
        "days": [each.isoformat() for each in store.days(publishing.folder())[: presenters.HISTORY]],
    }
