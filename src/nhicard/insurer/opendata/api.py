"""The JSON API: rows in pages with ETag, and the days that are published. Open to every site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from nhicard.insurer.opendata import queries
from nhicard.insurer.opendata.services import publishing, store
from nhicard.insurer.opendata.tables import FILES

_HEADERS: Final = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}


@require_safe
def records(request: HttpRequest) -> HttpResponseBase:
    """Rows of the latest day or of ``day``. 400 for parameters that cannot be read, 404 where nothing is published."""
    form = queries.Asked(request.GET)
    if not form.is_valid():
        return _refused(400, "parameters", {name: [str(each) for each in told] for name, told in form.errors.items()})
    asked = form.cleaned_data
    release = queries.release_of(asked["day"])
    if release is None:
        return _refused(404, "nothing is published", {})
    etag = queries.etag(request, release)
    if (known := get_conditional_response(request, etag)) is not None:
        return _with_headers(known, etag)
    page, size = asked["page"] or 1, asked["page_size"] or queries.A_PAGE
    found = queries.matching(publishing.records(release), asked)
    pages = -(-found.height // size)
    told = {
        "day": queries.day_of(release).isoformat(),
        "total": found.height,
        "page": page,
        "page_size": size,
        "pages": pages,
        "next": _page(request, page + 1) if page < pages else None,
        "records": queries.part(found, page, size).to_dicts(),
    }
    return _with_headers(_json(told), etag)


@require_safe
def days(request: HttpRequest) -> HttpResponseBase:
    """The published days, the newest first, with the addresses of their files."""
    folder = publishing.folder()
    told = [
        {
            "day": day.isoformat(),
            "files": {
                name: request.build_absolute_uri(reverse("opendata:of_day", args=[day.isoformat(), name]))
                for name in FILES
            },
        }
        for day in store.days(folder)
    ]
    return _with_headers(_json({"days": told}), "")


def _page(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _refused(status: int, error: str, details: Mapping[str, Any]) -> HttpResponse:
    answer = _json({"error": error, "details": details})
    answer.status_code = status
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _json(told: Mapping[str, Any]) -> HttpResponse:
    return JsonResponse(told, json_dumps_params={"ensure_ascii": False})


def _with_headers(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    for name, value in _HEADERS.items():
        response[name] = value
    if etag:
        response["ETag"] = etag
    return response
