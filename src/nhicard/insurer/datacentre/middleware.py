"""The wire's convention: every answer is HTTP 200 and carries a status code, whatever went wrong."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from nhicard.insurer.datacentre.api import answer_without_result, is_path

LARGEST_BODY = 256 * 1024
_PREFIXES = ("/api/v1/", "/app/v1/", "/test/v1/")
_UNREADABLE, _INCOMPLETE, _UNKNOWN_COMMAND, _UNEXPECTED = 1704, 1705, 1701, 1799
_STATUS = {400: _UNREADABLE, 404: _UNKNOWN_COMMAND, 405: _UNKNOWN_COMMAND, 413: _UNREADABLE, 422: _INCOMPLETE}
_log = logging.getLogger("nhicard.datacentre")


class AlwaysAnswer:
    """Turns HTTP errors into status codes and logs path, outcome and duration: never a body, a message that may quote
    one, or a path that is none of ours and may say anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(_PREFIXES):
            return self._get_response(request)
        began = time.perf_counter()
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            return answer_without_result(request.path, _UNREADABLE, f"the body is larger than {LARGEST_BODY} bytes")
        response = self._get_response(request)
        if response.status_code >= 400:
            code = _STATUS.get(response.status_code, _UNEXPECTED)
            _log.warning("%s HTTP %s answered as %s", _name(request), response.status_code, code)
            response = answer_without_result(request.path, code)
        _log.info("%s %.1f ms", _name(request), (time.perf_counter() - began) * 1000)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """An unexpected exception: its place in the log, without its message, and 1799 for the caller."""
        if not request.path.startswith(_PREFIXES):
            return None
        places = "".join(traceback.format_tb(exception.__traceback__))
        _log.error("%s failed with %s\n%s", _name(request), type(exception).__name__, places)
        return answer_without_result(request.path, _UNEXPECTED)


def _name(request: HttpRequest) -> str:
    return request.path if is_path(request.path) else "(unknown path)"
