"""The rows of the data set as of a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from nhicard.insurer.incentives.engine import listed
from nhicard.insurer.incentives.scheme import Scheme
from nhicard.insurer.incentives.services import computing
from nhicard.insurer.opendata.tables import ADDED, CHANGE, COLUMNS, REMOVED, SCHEMA, county_name, division_name
from nhicard.insurer.registry.models import Institution

_ORDER = ("分區代碼", "縣市名稱", "醫事機構代碼", "項目代碼")


def snapshot(scheme: Scheme, as_of: date) -> pl.DataFrame:
    """A row for each item that an institution holds at the end of the day, with the columns ``COLUMNS``."""
    institutions = computing.earning(Institution.objects.all())
    found = computing.of_many(computing.facts_of(institutions), scheme, as_of)

    def rows() -> Iterator[tuple[str, str, str]]:
        for code, items in found.items():
            for each in listed(items, scheme):
                yield code, each.item, scheme.item(each.item).name_zh

    held = pl.DataFrame(
        list(rows()), schema={"code": pl.String, "項目代碼": pl.String, "項目名稱": pl.String}, orient="row"
    )
    facts = institutions.values_list("code", "short_name", "division", "county")
    schema = {"code": pl.String, "醫事機構簡稱": pl.String, "division": pl.Int64, "county": pl.String}
    places = pl.DataFrame(list(facts), schema=schema, orient="row")
    joined = held.join(places, on="code", how="inner").with_columns(
        pl.col("division").cast(pl.String).fill_null("").alias("分區代碼"),
        division_name().alias("分區名稱"),
        county_name().alias("縣市名稱"),
        pl.col("code").alias("醫事機構代碼"),
    )
    return joined.select(COLUMNS).sort(_ORDER)


def changes(before: pl.DataFrame | None, now: pl.DataFrame) -> pl.DataFrame:
    """Rows that the snapshot before did not have, and those that only it had. Without one before everything is new."""
    before = SCHEMA.to_frame() if before is None else before
    added = now.join(before, on=COLUMNS, how="anti").select(pl.lit(ADDED).alias(CHANGE), *COLUMNS)
    removed = before.join(now, on=COLUMNS, how="anti").select(pl.lit(REMOVED).alias(CHANGE), *COLUMNS)
    return pl.concat([added, removed]).sort(*_ORDER, CHANGE)
