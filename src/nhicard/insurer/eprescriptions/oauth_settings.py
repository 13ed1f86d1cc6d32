"""How the OAuth library is set: short tokens, hashed at rest, PKCE, nothing that RFC 9700 advises against."""

from typing import Any, Final

CLIENT_MODEL: Final = "eprescriptions.Client"
TOKEN_SECONDS: Final = 300  # the guide's upper limit
CODE_SECONDS: Final = 60
REFRESH_SECONDS: Final = 30 * 60  # of doing nothing, as a session of the portal

SCOPES: Final = {
    "prescribe": "開立與註銷電子處方箋",
    "dispense": "上傳調劑單張",
    "read": "以存取授權碼取得電子處方箋",
}
SCOPES_OF_KIND: Final = {
    "hospital": ("prescribe", "dispense", "read"),
    "clinic": ("prescribe", "dispense", "read"),
    "pharmacy": ("dispense", "read"),
}
"""What programs of an institution may ask for, by its kind; others have no part in it."""

PROVIDER: Final[dict[str, Any]] = {
    "SCOPES": SCOPES,
    "SCOPES_BACKEND_CLASS": "nhicard.insurer.eprescriptions.scopes.ScopesOfClient",
    "OAUTH2_VALIDATOR_CLASS": "nhicard.insurer.eprescriptions.validator.Validator",
    "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": CODE_SECONDS,
    "REFRESH_TOKEN_EXPIRE_SECONDS": REFRESH_SECONDS,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http"],  # http for the loopback only: services.clients
    "ALLOW_LOCALHOST_LOOPBACK": True,
    **{
        f"COMPLIANT_BCP_RFC9700_{name}": True
        for name in (
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "TOKEN_STORAGE",
            "REFRESH_TOKEN",
            "REDIRECT_URI_MATCHING",
            "PKCE_REQUIRED",
        )
    },
}
