"""The visits behind a claim, as an upload file of either edition would tell them."""

from __future__ import annotations

from typing import Any

from nhicard.formats import Batch, Edition, build
from nhicard.formats.claims import Claims

Row = dict[str, Any]


def uploads(claims: Claims, edition: Edition) -> Batch:
    """One visit a case, with the case's priced orders."""
    roles = claims.table.roles
    institution = claims.totals[roles["institution"]][0]
    records = []
    orders = claims.orders.partition_by("row", as_dict=True)
    for row, case in enumerate(claims.cases.iter_rows(named=True)):
        own = orders[(row,)].iter_rows(named=True)
        codes = [order[roles["order_code"]] for order in own if order[roles["order_category"]] in "123"]
        records.append(_visit(edition, case, roles, institution, codes))
    return build(edition, records)


def _visit(
    edition: Edition, case: Row, roles: Any, institution: str, codes: list[str]
) -> tuple[dict[str, str], list[dict[str, str]]]:
    time = case[roles["visit_day"]] + "093000"
    physician = case[roles.get("physician") or roles["pharmacist"]]
    if edition == "1.0":
        visit = {
            "A00": "1",
            "A12": case[roles["person"]],
            "A14": institution,
            "A15": physician,
            "A17": time,
            "A19": "1",
        }
        return visit, [{"A73": code} for code in codes]
    visit = {
        "H00": "1",
        "M03": case[roles["person"]],
        "M05": institution,
        "M06": physician,
        "M11": time,
        "M12": "1",
        "M15": case[roles["identifier"]],
    }
    return visit, [{"D06": code} for code in codes]
