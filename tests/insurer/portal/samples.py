"""An object for every address of the portal that names one, made so that a given user may see it.

Each app registers its own in ``tests/insurer/<app>/samples.py``::

    @sample("applications:case")
    def case(user: User) -> dict[str, Any]:
        institution = place_of(user)
        return {"number": a_case_of(institution).number}

The matrix of rights then asks for that address as the user, and as a user of the same role elsewhere, who must get 404.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from tests.insurer.portal import people
from tests.insurer.portal.addresses import Address

from nhicard.insurer.accounts.models import User
from nhicard.insurer.registry.models import Institution

Sample = Callable[[User], dict[str, Any]]
SAMPLES: Final[dict[str, Sample]] = {}
#: Addresses whose objects belong to one person, whatever the role: nobody else of the same place may use them.
PERSONAL: Final[set[str]] = set()


def sample(name: str, *, personal: bool = False) -> Callable[[Sample], Sample]:
    """The function makes the objects of the URL name, in the user's own place, and gives the address's parameters."""

    def register(make: Sample) -> Sample:
        SAMPLES[name] = make
        if personal:
            PERSONAL.add(name)
        return make

    return register


def place_of(user: User) -> Institution:
    """An institution that the user may look at."""
    return user.institution or people.institution(division=user.division or 1)


def known(addresses: Iterable[Address]) -> dict[str, Sample]:
    """The samples of all apps for these addresses; one that only names an institution by its ``code`` needs none."""
    for path in sorted(Path(__file__).parent.parent.glob("*/samples.py")):
        if path.parent.name != "portal":
            importlib.import_module(f"tests.insurer.{path.parent.name}.samples")
    by_code = {address.name: _by_code for address in addresses if address.parameters == ("code",)}
    return by_code | SAMPLES


def _by_code(user: User) -> dict[str, Any]:
    return {"code": place_of(user).code}
