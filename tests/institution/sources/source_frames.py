"""Made-up visits as the two tables that a HIS would hold."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from nhicard.institution.visits import Visits

AS_OF = datetime(2026, 11, 20, 12)


def by_key(told: Visits) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Visits and orders by plain names, joined by ``visit``."""
    visits = told.visits.with_row_index("visit").with_columns(pl.col("visit").cast(pl.String))
    return visits, told.orders.with_columns(pl.col("visit").cast(pl.String))


#: The mapping of a database with visits and their orders.
BY_TABLE = """
url_env = "HIS"
[visits]
table = "opd"
key = "no"
since = "changed"
department = "dept"
[visits.columns]
patient_id = "id"
birth_date = "birth"
institution = { value = "3501990014" }
visit_category = "kind"
visit_time = "at"
outpatient_fee = { sql = "fee + 10" }
[visits.values.visit_category]
"W" = "01"
[orders]
table = "line"
key = "no"
order_by = ["no", "place"]
[orders.columns]
order_code = "code"
total = "total"
"""
