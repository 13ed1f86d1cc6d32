"""Which scopes a client may ask for: those of its institution's kind."""

from __future__ import annotations

from typing import Any

from oauth2_provider.scopes import BaseScopes

from nhicard.insurer.eprescriptions.oauth_settings import SCOPES, SCOPES_OF_KIND


class ScopesOfClient(BaseScopes):  # type: ignore[misc]
    """Scopes by the client's institution."""

    def get_all_scopes(self) -> dict[str, str]:
        """Every scope and what it is for."""
        return SCOPES

    def get_available_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """Those of the client's institution."""
        return list(SCOPES_OF_KIND.get(application.institution.kind, ())) if application else []

    def get_default_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """All that it may ask for."""
        return self.get_available_scopes(application)
