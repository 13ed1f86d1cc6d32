"""What the incentive engine learns from here: the months completed in the revised format."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import polars as pl

from nhicard.insurer.claims.models import ClaimMonth, Step
from nhicard.insurer.claims.services import months

KIND: Final = "claim_completed"
SCHEMA: Final[dict[str, Any]] = {
    "institution": pl.String,
    "kind": pl.String,
    "happened_on": pl.Date,
    "recorded_at": pl.Datetime("us"),
    "detail": pl.String,
    "evidence": pl.String,
}
_FIRST_CLAIM: Final = "1"  # 送核; a supplement (補報) alone completes no month


def events(as_of: datetime, institutions: Collection[str] | None = None) -> pl.DataFrame:
    """A row for each month and item that the file then in force completed; columns of ``SCHEMA``, oldest first.

    ``happened_on``: the day on which the file came that completed it first and without a break since;
    ``recorded_at``: when its check said so; ``detail``: the item, A, B, C or F; ``evidence``: the file.
    """
    steps = Step.objects.filter(at__lte=as_of, month__part__startswith=_FIRST_CLAIM)
    asked = ClaimMonth.objects.filter(part__startswith=_FIRST_CLAIM)
    if institutions is not None:
        steps = steps.filter(month__institution__code__in=list(institutions))
        asked = asked.filter(institution__code__in=list(institutions))
    whose = pl.DataFrame(
        list(asked.values_list("pk", "institution__code")),
        schema={"month": pl.Int64, "institution": pl.String},
        orient="row",
    )
    return (
        months.since(months.frame(steps))
        .join(whose, on="month")
        .sort("at", "file", "item")
        .select(
            "institution",
            kind=pl.lit(KIND),
            happened_on=pl.col("received_at").dt.date(),
            recorded_at=pl.col("at"),
            detail="item",
            evidence=pl.concat_str(pl.lit("claim-file "), "file"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    )
