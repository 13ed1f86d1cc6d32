"""Calls to the data centre, for the little that the control software itself asks of it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final, Self

import httpx

from nhicard.formats.status_codes import Refused, status_codes

#: In seconds: the clinic's program behind us gives up after ten.
_PATIENCE: Final = httpx.Timeout(6.0, connect=3.0)
_UNREACHABLE, _HTTP_ERROR, _UNDEFINED = 1700, 1702, 1799


class DataCentre:
    """The data centre at a base URL, closed at the end of a ``with`` block. Every failure is a ``Refused``."""

    def __init__(self, url: str, ca: Path | None = None, transport: httpx.BaseTransport | None = None) -> None:
        verify = ssl.create_default_context(cafile=str(ca)) if ca else True
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE, verify=verify, transport=transport)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The reply of a call that succeeded.

        Raises Refused: 1700 not reached, 1702 no usable answer, otherwise the data centre's own code.
        """
        try:
            response = self._client.post(path, json=body)
        except httpx.TransportError:
            raise Refused(_UNREACHABLE) from None
        except httpx.RequestError:  # an answer that cannot be decoded
            raise Refused(_HTTP_ERROR) from None
        try:
            reply = response.raise_for_status().json()
            code = int(reply["statusCode"])
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
            raise Refused(_HTTP_ERROR) from None
        if code:
            raise Refused(code if code in status_codes() else _UNDEFINED)
        return dict(reply)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End open connections."""
        self._client.close()
