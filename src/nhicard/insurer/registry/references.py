"""What the checks know of the registers at a moment: the shipped lists, overlaid by the loaded ones, and the tables.

``current`` gives the same object as long as nothing changed (plans are kept by it) and then costs one
small query; a change by whatever process is seen at the next call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache, partial
from threading import Lock
from typing import Final

import polars as pl
from django.db import connection
from django.db.models import DateField, Value
from django.db.models.expressions import RawSQL

from nhicard.checks.reference import Reference, References, folder, shipped
from nhicard.checks.reference.catalogue import VALIDITY, ListSpec, catalogue
from nhicard.checks.reference.references import LookedUp
from nhicard.checks.reference.shipped import complete_name, complete_within, shipped_rows
from nhicard.checks.verification import KeyVerifier
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition
from nhicard.identity.keyring import KeyRing
from nhicard.insurer.registry import state, versions
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import (
    SINCE_EVER,
    Coverage,
    HealthCard,
    Institution,
    InsuranceStatus,
    ListVersion,
    SecurityModule,
)
from nhicard.insurer.registry.state import Stamp

Made = Reference | Callable[[], Reference]
_PERSON: Final[Mapping[Edition, str]] = {"1.0": "A12", "2.0": "M03"}
_NEVER: Final = {"start": date.max, "end": date.min}
_lock = Lock()


def current(as_of: datetime) -> References:
    """The lists in force at the moment; those too large to hold need ``prepare`` before each check."""
    with _lock:
        stamp = state.stamp()
        in_force = {version.name: version.pk for version in _versions(stamp) if version.loaded_at <= as_of}
        return _assembled(stamp, tuple(in_force.values()))


def prepare(references: References, batch: Batch) -> None:
    """Fetch what the batch will ask of the lists that are looked up; for this thread, until the next call."""
    insured = references.get("insured")
    if isinstance(insured, LookedUp):
        insured.prepare(batch.visits[_PERSON[batch.edition]].drop_nulls().unique())


def verifier() -> KeyVerifier | None:
    """Opens identifiers of every institution that ever was in the register; None while there is none.

    Raises OSError where the insurer's keys have not been made.
    """
    with _lock:
        return _verifier(state.stamp(), authority().keys)


@lru_cache(maxsize=2)
def _versions(stamp: Stamp) -> tuple[ListVersion, ...]:
    return () if stamp == state.UNTOUCHED else tuple(versions.described())


@lru_cache(maxsize=2)
def _verifier(stamp: Stamp, keys: KeyRing) -> KeyVerifier | None:
    codes = pl.Series(list(Institution.objects.values_list("code", flat=True)), dtype=pl.String)
    return KeyVerifier(keys, codes) if len(codes) else None


@lru_cache(maxsize=8)
def _assembled(stamp: Stamp, in_force: tuple[int, ...]) -> References:
    """The lists of these versions on top of the shipped ones."""
    lists: dict[str, Made] = {name: partial(shipped().__getitem__, name) for name in shipped()}
    newest = {version.name: version for version in _versions(stamp)}
    for version in _versions(stamp):
        if version.pk in in_force:
            lists.update(_made(version, is_newest=version is newest[version.name]))
    for spec in catalogue().values():
        if spec.beside in lists and spec.name not in lists:
            lists[spec.name] = Reference(spec.name, _empty(spec), f"none beside {spec.beside}")
    if SecurityModule.objects.exists():
        lists["sams"] = partial(_security_modules, lists.get("sams"))
    return References(lists)


def _made(version: ListVersion, *, is_newest: bool) -> Mapping[str, Made]:
    """The list of a version, and the lists that follow from it; made when a rule first asks for them."""
    spec = catalogue()[version.name]
    facts = (spec.name, version.digest, _source(version))
    if spec.split:
        return _split(*facts)
    made: dict[str, Made] = {spec.name: partial(_whole, *facts)}
    if spec.completes:
        made[complete_name(spec)] = partial(_complete, *facts)
    if spec.name == "insured" and is_newest:
        made[spec.name] = LookedUp(spec.name, _source(version), _insured)
    return made


def _source(version: ListVersion) -> str:
    return f"{version.source} ({version.loaded_at:%Y-%m-%d %H:%M})"


# By digest, not by version: whatever else changes, an unchanged list is read once.
@lru_cache(maxsize=32)
def _whole(name: str, digest: str, source: str) -> Reference:
    spec = catalogue()[name]
    rows = _rows(name, digest).select(spec.columns)
    if spec.shipped_part:
        rows = pl.concat([rows, shipped_rows(spec, spec.shipped_part), folder.named_drugs(spec)])
    return Reference(name, rows, source)


@lru_cache(maxsize=8)
def _complete(name: str, digest: str, source: str) -> Reference:
    periods = _rows(name, digest).select(start=versions.FULL[0], end=versions.FULL[1]).unique(maintain_order=True)
    return complete_within(catalogue()[name], periods, source)


@lru_cache(maxsize=8)
def _split(name: str, digest: str, source: str) -> dict[str, Reference]:
    spec, rows = catalogue()[name], _rows(name, digest)
    by_value = {
        value: rows.filter(pl.col(spec.split) == value).drop(spec.split)
        for value in sorted({*spec.expected, *rows[spec.split]})
    }
    names = {value: f"{name.removesuffix('s')}_{value}" for value in by_value}
    return {names[value]: Reference(names[value], chosen, source) for value, chosen in by_value.items()}


def _rows(name: str, digest: str) -> pl.DataFrame:
    return versions.frame(ListVersion.objects.filter(name=name, digest=digest).defer("content")[0])


def _empty(spec: ListSpec) -> pl.DataFrame:
    return pl.DataFrame(schema={column: pl.Date if column in VALIDITY else pl.String for column in spec.columns})


def _security_modules(listed: Made | None) -> Reference:
    """SAMs of the register, and those of a loaded list."""
    spec = catalogue()["sams"]
    rows = SecurityModule.objects.values_list("number", "institution__code", "issued_on", "revoked_at")
    registered = pl.DataFrame(
        [(sam, code, since, revoked and revoked.date()) for sam, code, since, revoked in rows.iterator()],
        schema=_empty(spec).schema,
        orient="row",
    )
    if listed is None:
        return Reference(spec.name, registered, "register")
    loaded = listed if isinstance(listed, Reference) else listed()
    return Reference(spec.name, pl.concat([registered, loaded.frame]), f"register, {loaded.source}")


def _insured(persons: pl.Series) -> pl.DataFrame:
    """The rows of the list of insured persons for these IDs, by one query.

    Cards of the data centre count as the listed ones do. They say nothing of coverage, unless their holder is in no
    list: then the state of the insurance decides.
    """
    ids = RawSQL(*_ids(persons))  # noqa: S611  # our own text, the IDs as a parameter
    person = ("person__id_no", "person__birthday", "person__sex", "person__insurance_status")
    nothing = Value(None, output_field=DateField())
    covered = Coverage.objects.filter(person__id_no__in=ids)
    cards = HealthCard.objects.filter(person__id_no__in=ids)
    found = covered.values_list(*person, "card", "valid_from", "valid_until", Value(True)).union(
        cards.values_list(*person, "number", nothing, nothing, Value(False)), all=True
    )
    schema = {
        "id": pl.String,
        "birth": pl.Date,
        "sex": pl.String,
        "status": pl.Int64,
        "card": pl.String,
        "start": pl.Date,
        "end": pl.Date,
        "listed": pl.Boolean,
    }
    rows = pl.DataFrame(list(found), schema=schema, orient="row")
    listed = pl.col("listed") | (
        (pl.col("status") == int(InsuranceStatus.COVERED)) & ~pl.col("listed").any().over("id")
    )
    since = pl.when(pl.col("start") > SINCE_EVER).then(pl.col("start"))
    return rows.select(
        "id",
        (pl.col("birth").dt.year() - rocdate.YEAR_BEFORE_FIRST).cast(pl.String).str.zfill(3)
        + pl.col("birth").dt.strftime("%m%d"),
        pl.when(pl.col("card") != "").then(pl.col("card")).alias("card"),
        pl.when(listed).then(since).otherwise(pl.lit(_NEVER["start"])).alias("start"),
        pl.when(listed).then(pl.col("end")).otherwise(pl.lit(_NEVER["end"])).alias("end"),
        pl.when(pl.col("sex") != "").then(pl.col("sex")).alias("sex"),
    )


def _ids(persons: pl.Series) -> tuple[str, tuple[object]]:
    """A subquery of the IDs, handed over as one value however many they are."""
    if connection.vendor == "postgresql":
        return "SELECT unnest(%s::text[])", (persons.to_list(),)
    return "SELECT value FROM json_each(%s)", (json.dumps(persons.to_list()),)
