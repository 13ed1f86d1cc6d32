"""Signatures of the data centre: the visit's (M14) and each order's (D11)."""

from nhicard.checks.rule import Breaks, rule, signed


@rule("2.0", "M14", of_value=True)
def code_04() -> Breaks:
    """安全簽章 M14 與本筆的院所、安全模組、卡號、身分證號、過卡時間或就醫序號不符；
    請原樣填入過卡時取得的資料，不可修改。

    The security signature M14 does not go with the institution, SAM, card, person, tap time or sequence number of
    this record; send all of them as they were given at the tap.

    補卡時以補卡的過卡時間為準。示例中的 {signed} 表示正確的簽章。On a late card the late tap counts. In the examples
    {signed} is the right signature.
    """
    return ~signed("M14")


@rule("2.0", "D11", of_value=True)
def code_16() -> Breaks:
    """處方簽章 D11 與本筆醫令不符；請重新取得簽章，或將代號、部位、用法、天數、總量改回簽章時的內容。

    The prescription signature D11 does not go with this order; have it signed again, or send code, site, usage, days
    and total as they were signed.

    補零與空白不影響簽章（7 與 07、21.00 與 21 相同）。示例中的 {signed} 表示正確的簽章。
    Padding does not matter: 7 is 07, 21.00 is 21. In the examples {signed} is the right signature.
    """
    return ~signed("D11")
