"""The return codes (rtnCode) of the upload and download services, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OK: Final = "0000"
NOT_READY: Final = "5002"
WRONG_TYPE: Final = "5003"
OTHER_SAM: Final = "5004"
VERIFIER_FAILED: Final = "8201"
TOO_OLD: Final = "8203"
REVOKED: Final = "8205"
NOT_VERIFIED: Final = "9002"
NOT_CONTRACTED: Final = "9005"
OTHER: Final = "9999"

#: 8202 (the verifier reports another fault) has no cause here: our verifier either answers or fails (8201).
MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    OK: ("成功", "done"),
    NOT_READY: ("檢核結果尚未產生，請稍後再取", "the result is not ready; ask again later"),
    WRONG_TYPE: ("上傳類別（sType）不正確", "unknown kind of upload (sType)"),
    OTHER_SAM: ("與上傳時的安全模組不同", "another SAM than the upload's"),
    VERIFIER_FAILED: ("驗章服務異常，請稍後再試", "the signature could not be verified now; try again later"),
    TOO_OLD: ("簽章已超過一小時，請重新簽章", "the signature is older than one hour; sign again"),
    REVOKED: ("安全模組已註銷", "the SAM is revoked"),
    NOT_VERIFIED: ("簽章驗證失敗，請重新簽章", "the signature was not accepted; sign again"),
    NOT_CONTRACTED: ("醫事機構非特約", "the institution has no contract"),
    OTHER: ("其他", "other"),
}


class Returned(Exception):
    """A request is answered with this return code; ``detail`` says more where the code alone says little."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
