"""Whose file it is: 07."""

from polars import col

from nhicard.checks.rule import Breaks, rule, uploader

_OWN_CODE = ("A14", "A43", "A52", "A63")


@rule("1.0", severity="file")
def code_07() -> Breaks:
    """{field}（{name}）與上傳所用安全模組的院所代碼不同，整份檔案會退件；請確認院所代碼或改用該院所的安全模組上傳。

    {field} ({name}) is not the institution of the uploading security module, so the whole file is rejected;
    check the code or upload with that institution's own module.

    上傳院所以安全模組憑證所載的院所為準。The uploader is the institution in the certificate of the SAM.
    """
    return {field: col(field) != uploader() for field in _OWN_CODE}
