"""Status codes of the card reader's control software and of the data centre behind it.

Source: the list of one public client of control software 6.0, which carries on the codes of 5.x. The numbers are
therefore stable; the wording, the English and the remedies are ours. A code that means the same as
another (1055 and 1056) is kept, because clients tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from nhicard.formats.tables import rows

OK: Final = 0


@dataclass(frozen=True, slots=True)
class StatusCode:
    """One code: what happened, and what the clerk or the IT person should do about it.

    The remedies are empty for ``OK`` and for codes that are seldom met.
    """

    code: int
    meaning_zh: str
    meaning_en: str
    remedy_zh: str
    remedy_en: str


@cache
def status_codes() -> Mapping[int, StatusCode]:
    """All status codes by number, in ascending order (from -1, unknown error)."""
    return MappingProxyType(
        {
            int(row["code"]): StatusCode(
                code=int(row["code"]),
                meaning_zh=row["meaning_zh"],
                meaning_en=row["meaning_en"],
                remedy_zh=row["remedy_zh"],
                remedy_en=row["remedy_en"],
            )
            for row in rows("status_codes.csv")
        }
    )


class Refused(Exception):
    """A service answers the request with this status code instead of a result.

    ``str()`` and ``repr()`` show the code and its public text only, so they may be logged; ``detail`` may name a
    person or a card and must not be. Raises ValueError for an unknown code and for ``OK``, which refuses nothing.
    """

    def __init__(self, code: int, detail: str = "") -> None:
        if code == OK or code not in status_codes():
            raise ValueError(f"{code} is no status code to refuse with")
        super().__init__(code)  # without the detail: tracebacks and repr() print the arguments
        self.status = status_codes()[code]
        self.detail = detail

    @property
    def code(self) -> int:
        """The number that the client sees as ``statusCode``."""
        return self.status.code

    def __str__(self) -> str:
        return f"{self.code} {self.status.meaning_en}"
