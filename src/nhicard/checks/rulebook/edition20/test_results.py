"""Reports of test results (H00=5): COVID-19 and hepatitis C, and scores reported with an order."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_float, count_orders, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, named, one_of
from nhicard.formats.assumptions import Assumptions

_RESULTS: Final = named("result")
_HCV_RESULTS: Final = ("FSTP-HCV", "FSTN-HCV")
_COVID_RESULTS: Final = tuple(code for code in _RESULTS if code not in _HCV_RESULTS)
_COVID_NUMBERS: Final = ("CV19", "FORE")
_REMOTE_CONSULTATIONS: Final = ("ViT-COVID19", "PhT-COVID19")
_CDR_SCORES: Final = (0.0, 0.5, 1.0, 2.0, 3.0)


def _report() -> pl.Expr:
    return col.H00 == "5"


def _covid_report_without_its_number() -> pl.Expr:
    return _report() & ~one_of(col.M13, _COVID_NUMBERS).fill_null(False) & any_order(col.D06.is_in(_COVID_RESULTS))


@rule("2.0", "D02", of_value=True)
def AD31() -> Breaks:
    """檢驗結果通報（H00=5）的就醫類別（M07）須為 CA，醫令類別（D02）須為 G；請改正。

    A test-result report (H00=5) needs visit category (M07) CA and order category (D02) G; mend them.
    """
    return {"M07": _report() & (col.M07 != "CA"), "D02": _report() & (col.D02 != "G")}


@rule("2.0", "M07", of_value=True, assumptions=("e012_for_test_results",))
def E012(assume: Assumptions) -> Breaks:
    """檢驗結果通報（H00=5）的就醫類別（M07）只能是 CA；請改 M07。

    The visit category (M07) of a test-result report (H00=5) can only be CA; mend M07.
    """
    return {"M07": _report() & (col.M07 != "CA")} if assume["e012_for_test_results"] else {}


@rule("2.0", "M13")
def AD35() -> Breaks:
    """新冠檢驗結果通報的就醫序號（M13）須為 CV19；未曾有健保身分者填 FORE。

    A report of a COVID-19 result needs M13 CV19, or FORE for a person who was never insured.
    """
    return _covid_report_without_its_number()


@rule("2.0", "M13", assumptions=("e011_for_covid_results",))
def E011(assume: Assumptions) -> Breaks:
    """新冠檢驗結果通報的就醫序號（M13）只能是 CV19 或 FORE；請改 M13。

    M13 of a COVID-19 result report can only be CV19 or FORE; mend M13.
    """
    return {"M13": _covid_report_without_its_number()} if assume["e011_for_covid_results"] else {}


@rule("2.0", "MB2")
def AD36() -> Breaks:
    """檢驗結果通報（H00=5）每筆只能有一項結果；多項結果請分成多筆通報。

    A test-result report (H00=5) holds exactly one result; send one report for each.
    """
    return _report() & one_of(col.H01, NORMAL_AND_ABNORMAL) & (count_orders(col.D06.is_not_null()) != 1)


@rule("2.0", "D06", of_value=True)
def AD37() -> Breaks:
    """就醫序號（M13）為 CV19、FORE 時，D06 只能是新冠檢驗結果代碼；請改 D06 或 M13。

    With M13 CV19 or FORE the order code (D06) must be a COVID-19 result code; mend D06 or M13.
    """
    return one_of(col.M13, _COVID_NUMBERS) & ~col.D06.is_in(_COVID_RESULTS)


@rule("2.0", "D12", severity="warn", assumptions=("inferred_fields", "nucleic_acid_results"))
def AD47(assume: Assumptions) -> Breaks:
    """核酸檢驗結果請填檢驗機構代號（{field}）；未填仍會收載。

    A nucleic-acid result should name the testing institution ({field}); the record is accepted without it.
    """
    nucleic = one_of(col.D06, assume["nucleic_acid_results"])
    return {field: nucleic & col(field).is_null() for field in assume["inferred_fields"]["AD47"]}


@rule("2.0", "M13", of_value=True, assumptions=("legacy_h01_values_accepted",))
def AD48(assume: Assumptions) -> Breaks:
    """視訊或電話看診（ViT-COVID19、PhT-COVID19）異常上傳時，就醫序號（M13）不可填 Z000；
    請改填實際的異常原因代碼。

    An abnormal upload with a video or telephone consultation (ViT-COVID19, PhT-COVID19) cannot use M13 Z000;
    use the code of what really happened.
    """
    abnormal = ("B", "2", "4") if assume["legacy_h01_values_accepted"] else ("B",)
    return one_of(col.H01, abnormal) & (col.M13 == "Z000") & any_order(one_of(col.D06, _REMOTE_CONSULTATIONS))


@rule("2.0", "M13")
def AD73() -> Breaks:
    """C 型肝炎篩檢結果（FSTP-HCV、FSTN-HCV）的補卡註記（M12）須為 1，就醫序號（M13）須為 HCV1；
    請改正。

    A hepatitis C result (FSTP-HCV, FSTN-HCV) needs M12=1 and M13=HCV1; mend them.
    """
    result = any_order(one_of(col.D06, _HCV_RESULTS))
    return {
        "M12": result & col.M12.ne_missing(pl.lit("1")),
        "M13": result & col.M13.ne_missing(pl.lit("HCV1")),
    }


@rule("2.0", "D06", of_value=True)
def D046() -> Breaks:
    """原就醫序號（M18）為 FORE 時，D06 只能是新冠檢驗結果代碼；請改 D06 或 M18。

    With an original number (M18) FORE the order code (D06) must be a COVID-19 result code; mend D06 or M18.

    文字只稱「採檢結果」，以全部新冠結果代碼認定。The text speaks of sampling results; all COVID-19 result
    codes count.
    """
    return (col.M18 == "FORE") & ~col.D06.is_in(_COVID_RESULTS)


@rule("2.0", "D06", of_value=True)
def D057() -> Breaks:
    """檢驗結果代碼只能用在檢驗結果通報：資料型態（H00）須為 5；請改 H00 或 D06。

    A result code belongs to test-result reports: the data type (H00) must be 5; mend H00 or D06.
    """
    return (col.H00 != "5") & col.D06.is_in(_RESULTS)


@rule("2.0", "D06", of_value=True)
def D061() -> Breaks:
    """檢驗結果通報（H00=5）的 D06 只能是檢驗結果代碼；請改 D06，其他醫令請以 H00=1 上傳。

    In a test-result report (H00=5) D06 must be a result code; mend D06, and send other orders with H00=1.
    """
    return _report() & ~col.D06.is_in(_RESULTS)


@rule("2.0", "D15", off_without=("cdr_orders",), assumptions=("inferred_fields",))
def AD77(assume: Assumptions) -> Breaks:
    """CDR 分數（{field}）只能填 0、0.5、1、2、3；請改正。

    The CDR score ({field}) must be 0, 0.5, 1, 2 or 3; correct it.
    """
    scored = one_of(col.D06, assume["cdr_orders"])
    return {
        field: scored & ~as_float(field).is_in(_CDR_SCORES).fill_null(False)
        for field in assume["inferred_fields"]["AD77"]
    }
