"""A rule edition: the program's rules under given assumptions and lists, with a fingerprint that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Final

import nhicard
from nhicard.checks import reference
from nhicard.checks.context import Context
from nhicard.checks.plan import Plan, plan
from nhicard.checks.reference import References
from nhicard.formats import assumptions
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import Edition

_ROOMS: Final = ("checks", "formats", "identity")
#: Why a rule is off although the edition means it to be on: for want of what only the insurer's services have.
_WANTING: Final = frozenset({"history", "insurer", "undecidable", "list", "uploader", "keys"})


class OtherRules(Exception):
    """A machine of the cluster has other rules, lists or another version of the program than the one that asked."""


@dataclass(frozen=True, slots=True)
class RuleEdition:
    """``assumptions``: all values. ``folder``: reference lists beside the shipped ones, at the same path on every
    machine. ``fingerprint``: of the program's rules, the assumptions and the lists. Made by ``edition``."""

    assumptions: Assumptions
    folder: Path | None
    fingerprint: str

    def context(self, day: date, *, is_precheck: bool, as_of: datetime | None) -> Context:
        """For uploads received on the day; ``as_of`` takes the place of when they were.

        Raises OtherRules on a machine where the edition would mean something else.
        """
        if _fingerprint(self.assumptions, self.folder) != self.fingerprint:
            raise OtherRules(
                "叢集中有機器的程式版本或清單不同。 "
                "A machine of the cluster has another version of nhicard or other lists; make them equal."
            )
        moment = as_of or datetime.combine(day, time.max)
        lists = _references(self.folder)
        return Context(moment, references=lists, assumptions=self.assumptions, is_precheck=is_precheck)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a recheck can say anything of.

    ``checks``: code and field of each check that runs. ``wanting``: codes that need more than the lake holds, with the
    reason; on what they said of other fields the insurer's first answer stands.
    """

    checks: frozenset[tuple[str, str]]
    wanting: tuple[tuple[str, str], ...]


def edition(chosen: Assumptions | None = None, folder: Path | None = None) -> RuleEdition:
    """This program's rules. Raises UnreadableList for lists that cannot be read."""
    values = chosen or assumptions.load()
    _references(folder)
    return RuleEdition(values, folder, _fingerprint(values, folder))


def decided(rules: Edition, context: Context) -> Decided:
    """Of an edition of the format, in this context."""
    found = _plan(rules, context)
    checks = frozenset((each.rule.code, each.field) for some in found.checks.values() for each in some)
    return Decided(checks, tuple((off.code, off.reason) for off in found.rules_off if off.reason in _WANTING))


def changed_assumptions(chosen: Assumptions) -> dict[str, Any]:
    """Those that differ from the packaged ones."""
    packaged = assumptions.load()
    return {name: _plain(value) for name, value in chosen.items() if value != packaged[name]}


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _plan(rules: Edition, context: Context) -> Plan:
    """The very plan of ``Checker`` for a batch of several files."""
    return plan(
        rules, context.references, context.assumptions, uploader_known=True, keys_known=False, history_known=False
    )


@cache
def _references(folder: Path | None) -> References:
    return reference.load(folder) if folder else reference.shipped()


@cache
def _fingerprint(values: Assumptions, folder: Path | None) -> str:
    digest = hashlib.sha256(f"{nhicard.__version__}\n{values!r}\n".encode())
    for name, path in _sources(folder):
        digest.update(f"{name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(folder: Path | None) -> Iterator[tuple[str, Path]]:
    package = Path(nhicard.__file__).parent
    for room in _ROOMS:
        yield from _named(package, (package / room).rglob("*"))
    if folder:
        yield from _named(folder, folder.iterdir())


def _named(root: Path, paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for path in sorted(paths):
        if path.is_file() and path.suffix not in (".pyc", ".nbc", ".nbi") and not path.name.startswith("."):
            yield path.relative_to(root).as_posix(), path
