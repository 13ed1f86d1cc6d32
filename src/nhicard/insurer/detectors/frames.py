"""What detectors look at: frames of visits and claims, and what else is known of people and institutions.

They come from the uploads' tables (``services.gathering``), from an upload file (``of_batch``) or from Parquet files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl

from nhicard.formats import rocdate
from nhicard.formats.batch import Batch

Schema = Mapping[str, Any]

#: A row a visit in force. ``visit``: its number; ``time``: when the card was presented; ``received``: when it was first
#: uploaded; ``cardless``: 異常上傳; ``refill``: which refill of a 慢連箋 was dispensed; empty text where not sent.
VISITS: Final[Schema] = {
    "visit": pl.Int64,
    "institution": pl.String,
    "person": pl.String,
    "physician": pl.String,
    "category": pl.String,
    "time": pl.Datetime("us"),
    "day": pl.Date,
    "received": pl.Datetime("us"),
    "cardless": pl.Boolean,
    "refill": pl.Int64,
    "identifier": pl.String,
    "original_identifier": pl.String,
}
#: A row a claimed case; ``kind``: outpatient or inpatient.
CLAIMS: Final[Schema] = {
    "claim": pl.Int64,
    "institution": pl.String,
    "kind": pl.String,
    "person": pl.String,
    "physician": pl.String,
    "first_day": pl.Date,
    "last_day": pl.Date,
}
DEATHS: Final[Schema] = {"person": pl.String, "died": pl.Date}
#: Stays in hospital; ``discharged`` is null while they last.
STAYS: Final[Schema] = {"person": pl.String, "admitted": pl.Date, "discharged": pl.Date}
#: Days on which an institution said it is closed.
CLOSED: Final[Schema] = {"institution": pl.String, "day": pl.Date}

_CARDLESS: Final = ("B", "2", "4")  # H01, A01
_FIELDS: Final = {
    "2.0": {
        "institution": "M05",
        "person": "M03",
        "physician": "M06",
        "category": "M07",
        "time": "M11",
        "actual_time": "M49",
        "upload_kind": "H01",
        "sequence": "M13",
        "identifier": "M15",
        "original_identifier": "M16",
    },
    "1.0": {
        "institution": "A14",
        "person": "A12",
        "physician": "A15",
        "category": "A23",
        "time": "A17",
        "actual_time": "A54",
        "upload_kind": "A01",
        "sequence": "A18",
    },
}


def nothing(schema: Schema) -> pl.LazyFrame:
    """An empty frame."""
    return pl.LazyFrame(schema=dict(schema))


@dataclass(frozen=True, slots=True)
class Frames:
    """Everything that detectors may look at; what is not known is empty."""

    visits: pl.LazyFrame
    claims: pl.LazyFrame = field(default_factory=lambda: nothing(CLAIMS))
    deaths: pl.LazyFrame = field(default_factory=lambda: nothing(DEATHS))
    stays: pl.LazyFrame = field(default_factory=lambda: nothing(STAYS))
    closed: pl.LazyFrame = field(default_factory=lambda: nothing(CLOSED))


def visits(told: pl.DataFrame) -> pl.DataFrame:
    """``VISITS`` of ``visit institution person physician category time upload_kind sequence received`` and so on.

    ``time`` is ROC text; ``day`` may be there (of the visit itself on a late card), else it is that of ``time``.
    """
    time = rocdate.as_datetime(pl.col("time"))
    day = pl.col("day") if "day" in told.columns else time.dt.date()
    refill = pl.col("sequence").str.extract("^IC0([1-9])$").cast(pl.Int64)
    cardless = pl.col("upload_kind").is_in(_CARDLESS)
    made = told.with_columns(time=time, day=day, refill=refill, cardless=cardless)
    return made.select(pl.col(name).cast(dtype) for name, dtype in VISITS.items())


def of_batch(batch: Batch, received: datetime) -> pl.DataFrame:
    """``VISITS`` of an upload file received at that moment; ``visit`` is the record's number."""
    fields = _FIELDS[batch.edition]
    told = batch.visits.select(
        pl.col("record").cast(pl.Int64).alias("visit"),
        *(
            (pl.col(fields[name]) if name in fields else pl.lit("")).fill_null("").str.strip_chars().alias(name)
            for name in _FIELDS["2.0"]
        ),
        received=pl.lit(received, pl.Datetime("us")),
    )
    late = rocdate.as_date(pl.col("actual_time").str.head(7))
    return visits(told.with_columns(day=pl.coalesce(late, rocdate.as_date(pl.col("time").str.head(7)))))
