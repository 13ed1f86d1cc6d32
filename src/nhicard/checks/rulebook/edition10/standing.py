"""Whether the institution may still upload 1.0."""

from nhicard.checks.rule import Breaks, past, rule


@rule("1.0", "A14", severity="file")
def Y000() -> Breaks:
    """院所已改用 2.0 上傳，不可再用 1.0，整份檔案會退件；請改以 2.0 上傳，改版前的就醫也一樣。

    The institution has switched to format 2.0 and cannot use 1.0 any more, so the whole file is rejected; upload in
    2.0, visits before the switch included.

    以上傳時間為準，預檢也一樣。The moment of upload counts, for pre-checks too.
    """
    return past("switched")
