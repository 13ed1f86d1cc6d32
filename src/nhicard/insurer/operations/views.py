"""``/health`` (the process answers), ``/ready`` (database and keys are as they should be), ``/metrics``."""

from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from nhicard.insurer import clock
from nhicard.insurer.operations import metrics
from nhicard.insurer.registry.authority import authority


def health(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """200 where requests can be served, else 503 with what is missing."""
    missing = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM django_migrations")
    except Error:
        missing.append("database")
    try:
        authority()
    except Exception:  # missing, damaged, of another kind: all keep the service from working
        missing.append("keys")
    return JsonResponse(
        {"status": "ok" if not missing else "not ready", "missing": missing}, status=503 if missing else 200
    )


def exposition(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics."""
    return HttpResponse(metrics.exposition(clock.now()), content_type="text/plain; version=0.0.4; charset=utf-8")
