"""What the OAuth library asks us beside its own checks."""

from __future__ import annotations

import re
from typing import Any, Final

from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError  # type: ignore[import-untyped]

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256


class Validator(OAuth2Validator):  # type: ignore[misc]
    """A code needs a whole PKCE challenge, which the library lets be empty. Neither a code nor a refresh token is worth
    anything once its user was deactivated or belongs to another institution."""

    def save_authorization_code(self, client_id: str, code: Any, request: Any, *more: Any, **named: Any) -> None:
        """Keep the code; raises InvalidRequestError without a challenge by S256."""
        if request.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(request.code_challenge or ""):
            raise InvalidRequestError(description="code_challenge by S256 required", state=request.state)
        super().save_authorization_code(client_id, code, request, *more, **named)

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *more: Any, **named: Any) -> bool:
        """The library's checks, and the user's standing."""
        return super().validate_code(client_id, code, client, request, *more, **named) and _stands(request.user, client)

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *more: Any, **named: Any) -> bool:
        """The library's checks, and the user's standing."""
        found = super().validate_refresh_token(refresh_token, client, request, *more, **named)
        return found and _stands(request.user, client)


def _stands(user: Any, client: Any) -> bool:
    return bool(user.is_active and user.institution_id == client.institution_id)
