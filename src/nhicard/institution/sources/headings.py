"""What a column of a source is called: a plain name, a field of either edition, or the Chinese name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from nhicard.formats.tables import Edition
from nhicard.institution.visits.columns import Owner, columns, names

KEY: Final = "visit"
DEPARTMENT: Final = "department"
_KEY_TITLES: Final = (KEY, "visit_no", "就醫編號")
_DEPARTMENT_TITLES: Final = (DEPARTMENT, "科別")
_VERSION: Final = "A02"


class Heading(NamedTuple):
    """The column meant, None for one that carries nothing (the version, always 1.0), and the edition in whose codes
    its values are."""

    column: str | None
    edition: Edition


def heading(of: Owner, title: str) -> Heading | None:
    """What the title means in a table of visits or orders, whatever its case, width and blanks; None if unknown."""
    return _known(of).get(_plain(title))


def suggestion(of: Owner, title: str) -> str | None:
    """The known name that looks most like an unknown title."""
    spelled = {_plain(name): name for name, _ in _titles(of)}
    spelled.pop(_plain(title), None)
    return next((spelled[name] for name in get_close_matches(_plain(title), spelled, n=1)), None)


@cache
def _known(of: Owner) -> Mapping[str, Heading]:
    return MappingProxyType({_plain(title): found for title, found in _titles(of)})


def _titles(of: Owner) -> Iterator[tuple[str, Heading]]:
    for name in names(of):
        column = columns()[name]
        for title in (name, column.field20, column.name_zh):
            if title:
                yield title, Heading(name, "2.0")
        if column.field10:
            yield column.field10, Heading(name, "1.0")
    for title in _KEY_TITLES:
        yield title, Heading(KEY, "2.0")
    if of == "visit":
        for title in _DEPARTMENT_TITLES:
            yield title, Heading(DEPARTMENT, "2.0")
        yield _VERSION, Heading(None, "1.0")


def _plain(title: str) -> str:
    """The title without blanks, in half width and lower case."""
    return "".join(unicodedata.normalize("NFKC", title).split()).removeprefix("\ufeff").casefold()
