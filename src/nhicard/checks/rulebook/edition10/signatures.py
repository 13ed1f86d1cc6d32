"""Signatures of the data centre: the visit's (A22) and each order's (A79)."""

from nhicard.checks.rule import Breaks, rule, signed


@rule("1.0", "A22", of_value=True)
def code_04() -> Breaks:
    """安全簽章 A22 與本筆的院所、安全模組、卡號、身分證號、過卡時間或就醫序號不符；
    請原樣填入過卡時取得的資料，不可修改。

    The security signature A22 does not go with the institution, SAM, card, person, tap time or sequence number of
    this record; send all of them as they were given at the tap.

    示例中的 {signed} 表示正確的簽章。In the examples {signed} is the right signature.
    """
    return ~signed("A22")


@rule("1.0", "A79", of_value=True)
def code_16() -> Breaks:
    """處方簽章 A79 與本筆醫令不符；請重新取得簽章，或將代號、部位、用法、天數、總量改回簽章時的內容。

    The prescription signature A79 does not go with this order; have it signed again, or send code, site, usage, days
    and total as they were signed.

    補零與空白不影響簽章（7 與 07、21.00 與 21 相同）。示例中的 {signed} 表示正確的簽章。
    Padding does not matter: 7 is 07, 21.00 is 21. In the examples {signed} is the right signature.
    """
    return ~signed("A79")
