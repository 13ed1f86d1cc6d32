"""Orders of the gene test 12196B (HLA-B 1502) and the results that were reported for them.

A result stands in the record of the order itself, or in a later one of the same person, whoever reported it: in edition
1.0 as allergy text (A80=N, A81), in edition 2.0 as E02=12196B with E13.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.insurer.followup.limits import GeneTest

#: Columns of ``visits``: a row a visit with an order of the test or with a possible result.
VISITS: Final = {
    "visit": pl.Int64,
    "submission": pl.Int64,
    "record": pl.Int64,
    "edition": pl.String,
    "patient": pl.String,
    "visit_date": pl.Date,
}
#: Columns of ``orders``: a row an MB2.
ORDERS: Final = {"submission": pl.Int64, "record": pl.Int64, "code": pl.String, "fields": pl.String}
_TEST_ORDERED: Final = ("3", "5")  # A72: a procedure or an important order, not withdrawn
_NOT_CARRIED_OUT: Final = "07"  # A78, circular of 111-03-01
_FIELDS: Final = ("A72", "A78", "A80", "A81", "E01", "E02", "E13")


def without_result(visits: pl.DataFrame, orders: pl.DataFrame, limits: GeneTest) -> pl.Series:
    """The visits (their numbers) that order the test and have no result; sorted."""
    fields = [_field(name) for name in _FIELDS]
    of_visits = orders.with_columns(fields).join(visits, on=["submission", "record"])
    is_old = pl.col("edition") == "1.0"
    is_test = pl.col("code").str.strip_chars() == limits.code
    is_asked = ~is_old | (pl.col("A72").is_in(_TEST_ORDERED) & (pl.col("A78") != _NOT_CARRIED_OUT))
    asked = of_visits.filter(is_test & is_asked & (pl.col("visit_date") >= limits.since))
    new = (pl.col("E02") == limits.code) & (pl.col("E13") != "") & (pl.col("E01") != "D")
    old = is_old & (pl.col("A80") != "D") & (pl.col("A81") != "")
    told = of_visits.filter(new | old).with_columns(names_it=new | pl.col("A81").str.contains(limits.result_pattern))
    tests = asked.select("visit", "patient", asked_on="visit_date").unique()
    pairs = tests.join(told.select("patient", "names_it", in_visit="visit", told_on="visit_date"), on="patient")
    # in the record of the order any entry counts, as in the check of single records (E008)
    reported = pairs.filter(
        (pl.col("in_visit") == pl.col("visit")) | (pl.col("names_it") & (pl.col("told_on") >= pl.col("asked_on")))
    )
    return tests.join(reported, on="visit", how="anti")["visit"].unique().sort()


def _field(name: str) -> pl.Expr:
    return pl.col("fields").str.json_path_match(f"$.{name}").fill_null("").str.strip_chars().alias(name)
