"""Results are kept as long as promised; afterwards only a submission's counts remain."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from nhicard.insurer.intake.models import Finding, Submission

_AT_ONCE = 500


@transaction.atomic
def forget_old_results(now: datetime) -> int:
    """Delete the findings of submissions whose result has expired; how many submissions that concerned."""
    expired = Submission.objects.filter(result_until__lt=now, finding__isnull=False).distinct()
    chosen = list(expired.values_list("pk", flat=True)[:_AT_ONCE])
    Finding.objects.filter(submission__in=chosen).delete()
    return len(chosen)
