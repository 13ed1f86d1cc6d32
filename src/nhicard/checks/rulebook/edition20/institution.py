"""The uploading institution."""

from polars import col

from nhicard.checks.rule import Breaks, rule, uploader


@rule("2.0", "M05")
def code_07() -> Breaks:
    """院所代碼 M05 與上傳所用安全模組的院所不同；請改正 M05，或改用本院所的安全模組上傳。

    The institution M05 is not the one that the uploading SAM belongs to; correct M05 or upload with your own
    SAM.

    上傳院所以安全模組憑證所載的院所為準。The uploader is the institution in the certificate of the SAM.
    """
    return uploader() != col.M05
