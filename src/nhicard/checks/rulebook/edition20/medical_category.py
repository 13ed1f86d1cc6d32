"""Medical category M56, payment category M51 and what depends on them."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_CLINIC: Final = "11"
_TCM_HOME_CARE: Final = "14|AH"
_DIAGNOSES: Final = ("M35", "M36", "M37", "M38", "M39", "M40")
_COVID: Final = "U071"
_COVID_NUMBERS: Final = ("IC09", "CV19")
_COVID_PAYMENT: Final = ("W", "X")


def _is_covid_payment() -> pl.Expr:
    """A blank M51 is none."""
    return col.M51.is_in(list(_COVID_PAYMENT)).fill_null(False)


@rule("2.0", "M56", of_value=True, assumptions=("d066_unknown_pairs_accepted", "tcm_home_care_accepted"))
def D066(assume: Assumptions) -> Breaks:
    """醫事類別 M56 與就醫類別 M07 不能搭配（如牙醫門診須為 13）；請改正 M56 或 M07。

    The medical category M56 does not go with the visit category M07 (a dental visit takes 13); correct one of
    them.

    官方配對表未公開，依用戶端已知的配對；沒有已知配對的就醫類別不檢查。The official table is not public: the
    pairs known from clients decide, and categories without any are not checked.
    """
    pairs = [pair for pair in codes("2.0", "M56xM07") if pair != _TCM_HOME_CARE or assume["tcm_home_care_accepted"]]
    wrong = ~pl.concat_str(col.M56, pl.lit("|"), col.M07).is_in(pairs)
    if not assume["d066_unknown_pairs_accepted"]:
        return wrong
    paired = sorted({pair.partition("|")[2] for pair in pairs})
    return wrong & (col.M56 != _CLINIC) & col.M07.is_in(paired)


@rule(
    "2.0",
    "M51",
    of_value=True,
    assumptions=("payment_categories_missing_in_client_accepted", "unnamed_values_accepted"),
)
def AD42(assume: Assumptions) -> Breaks:
    """沒有這個給付類別 M51；請核對代碼，如一般疾病為 4。

    The payment category M51 does not exist; check the code (4 is ordinary disease).
    """
    accepted = [
        entry.code
        for entry in codes("2.0", "M51").values()
        if (entry.name_zh or "M51" in assume["unnamed_values_accepted"])
        and (
            "in 2.0 client list=no" not in entry.attr
            or entry.code in assume["payment_categories_missing_in_client_accepted"]
        )
    ]
    return ~col.M51.is_in(accepted)


@rule("2.0", of_value=True)
def AD41() -> Breaks:
    """診斷 {field} 填新冠肺炎 U071 時，給付類別 M51 須為 W 或 X；請改正 M51 或診斷碼。

    With the diagnosis U071 (COVID-19) in {field} the payment category M51 must be W or X; correct one of
    them.
    """
    return {diagnosis: (col(diagnosis) == _COVID) & ~_is_covid_payment() for diagnosis in _DIAGNOSES}


@rule("2.0", "M13", of_value=True)
def AD44() -> Breaks:
    """就醫序號 M13 為 IC09 或 CV19 時，給付類別 M51 須為 W 或 X；請改正 M51 或 M13。

    With the sequence number IC09 or CV19 in M13 the payment category M51 must be W or X; correct one of them.
    """
    return col.M13.is_in(list(_COVID_NUMBERS)) & ~_is_covid_payment()
