"""Prometheus metrics, read from the database when they are asked for, so that every process tells the same.

Labels are kinds of upload, states and error codes: never an institution or a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from nhicard.insurer.intake.models import Finding, State, Submission

_WINDOW = timedelta(minutes=5)


def exposition(now: datetime) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Intake(now))
    return generate_latest(registry)


class _Intake(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield self._gauge(
            "nhicard_submissions", "Submissions by kind and state", ["kind", "state"],
            {(row["kind"], row["state"]): row["n"]
             for row in Submission.objects.values("kind", "state").annotate(n=Count("id"))},
        )  # fmt: skip
        yield self._gauge("nhicard_queue_age_seconds", "Age of the oldest submission waiting", [], {(): self._age()})
        recent = Submission.objects.filter(state=State.CHECKED, checked_at__gte=self._now - _WINDOW)
        sums = recent.aggregate(
            records=Sum("records"), accepted=Sum("accepted"), rejected=Sum("rejected"), n=Count("id")
        )
        yield self._gauge(
            "nhicard_checked_last_5_minutes", "What was checked in the last five minutes", ["what"],
            {(what,): sums[what] or 0 for what in ("records", "accepted", "rejected")} | {("submissions",): sums["n"]},
        )  # fmt: skip
        codes = Finding.objects.filter(submission__in=recent).values("code", "severity").annotate(n=Count("id"))
        yield self._gauge(
            "nhicard_findings_last_5_minutes", "Findings of the last five minutes by code", ["code", "severity"],
            {(row["code"], row["severity"]): row["n"] for row in codes},
        )  # fmt: skip
        waits = [
            (checked - received).total_seconds()
            for received, checked in recent.order_by("-checked_at").values_list("received_at", "checked_at")[:1000]
            if checked
        ]
        yield self._gauge(
            "nhicard_seconds_to_result", "From receipt to result, of the last thousand", ["quantile"],
            {(f"{q}",): _quantile(waits, q) for q in (0.5, 0.99)},
        )  # fmt: skip

    def _age(self) -> float:
        oldest = Submission.objects.filter(state=State.PENDING).aggregate(oldest=Min("received_at"))["oldest"]
        return max(0.0, (self._now - oldest).total_seconds()) if oldest else 0.0

    @staticmethod
    def _gauge(name: str, text: str, labels: list[str], values: dict[tuple[Any, ...], float]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, text, labels=labels)
        for label, value in values.items():
            family.add_metric([str(part) for part in label], value)
        return family


def _quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0
