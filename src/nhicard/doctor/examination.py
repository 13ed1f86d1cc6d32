"""The checks in their order, what each rests on, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from nhicard.doctor import machine, secrets, service
from nhicard.doctor.findings import Finding, Level, finding
from nhicard.doctor.installation import Installation


@dataclass(frozen=True, slots=True)
class Check:
    """A function, and the names of those without whose success it could only fail too."""

    examine: Callable[[Installation], Finding]
    rests_on: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The function's, which begins the names of its findings."""
        return self.examine.__name__


CHECKS: Final = (
    Check(machine.python),
    Check(machine.packages),
    Check(machine.zone),
    Check(machine.fonts),
    Check(machine.home),
    Check(machine.disk, ("home",)),
    Check(secrets.keys, ("home",)),
    Check(secrets.root, ("home",)),
    Check(secrets.https, ("home",)),
    Check(service.database),
    Check(service.upgrades, ("database",)),
    Check(secrets.payload_keys, ("upgrades", "home")),
    Check(service.journal, ("database",)),
    Check(service.clock, ("upgrades",)),
    Check(service.lists, ("upgrades",)),
    Check(service.worker, ("upgrades", "home")),
)
_NO_GROUND: Final = frozenset({Level.failure, Level.unknown})


def examine(where: Installation, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """What each check says, in order; one that rests on something broken says only that."""
    found: dict[str, Finding] = {}
    for check in checks:
        broken = [name for name in check.rests_on if found[name].level in _NO_GROUND]
        found[check.name] = finding("unexamined", check=check.name, on=broken[0]) if broken else check.examine(where)
    return list(found.values())
