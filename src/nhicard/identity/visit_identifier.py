"""The visit identifier (就醫識別碼): 20 characters, 0–9 and A–Z, issued by the insurer's data centre.

How the space of 36**20 (103.4 bits) is spent. Each half of ten characters (51.7 bits) holds one code and a part of
the moment; both halves together are then encrypted with FF1 (NIST SP 800-38G, radix 36, AES-256):

===========  =============================================================  ==================
half         holds                                                          bits
===========  =============================================================  ==================
first        institution code: kind (00–99, 9A), area 4 digits, serial 3    38.0 + 13.7
             of 0–9 G–Z, check digit; and the moment's quotient
second       person: letter, 1 2 8 9 A B C D, 7 digits (the check digit     31.0 + 20.7
             follows from them); and the moment's remainder
(moment)     second * 16 + issuing service, seconds since 2020: until 2066  (34.4, split above)
===========  =============================================================  ==================

Every institution code fits, letters included. Decryption always gives some facts; what makes them trustworthy is
that a made-up string decrypts to a random institution, and of the 2.7e11 codes only those in the register exist:
with 40,000 registered ones a random string passes with probability 1.5e-7, whatever the number of keys, for each key
vouches only for its own span of time. Two identifiers are alike only if person, institution, second and service
are, which the data centre refuses.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.identity import fixed_width, institution_code, national_id
from nhicard.identity.ff1 import FF1
from nhicard.identity.keyring import Key, KeyRing

LENGTH: Final = 20
EPOCH: Final = datetime(2020, 1, 1)
SERVICES: Final = 16
_QUOTIENTS: Final = 13_400
_REMAINDERS: Final = 1_757_000
_SECONDS: Final = _QUOTIENTS * _REMAINDERS // SERVICES
END: Final = EPOCH + timedelta(seconds=_SECONDS)
_HALF: Final = 36**10
_TWEAK: Final = b"visit id"
_FORM: Final = r"^[0-9A-Z]{20}\z"
_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
_VALUE: Final = fixed_width.places(_ALPHABET)


class NotEncodable(ValueError):
    """The facts do not fit an identifier (status 3204); the message names the fact, not its value."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the data centre that issues identifiers; ``card`` is HC, virtual or none."""

    number: int
    name: str
    name_zh: str
    name_en: str
    service_type: str
    card: str


@cache
def services() -> Mapping[str, Service]:
    """The issuing services by name (``data/identifier_services.csv``)."""
    table = (files("nhicard.identity") / "data" / "identifier_services.csv").read_text(encoding="utf-8")
    return {row["name"]: Service(int(row.pop("number")), **row) for row in csv.DictReader(table.splitlines())}


def issue(
    keys: KeyRing, *, person: pl.Series, institution: pl.Series, time: pl.Series, service: pl.Series
) -> pl.Series:
    """Identifiers for columns of facts: String, null where they do not fit one.

    ``time``: Datetime, naive Taipei, whole seconds; ``service``: names of ``services()``. The key is the one that
    serves the time.
    """
    facts = pl.DataFrame(
        {
            "person": person,
            "institution": institution,
            "second": (time - EPOCH).dt.total_seconds(),
            "service": service.replace_strict({s.name: s.number for s in services().values()}, default=None),
        }
    )
    fits = facts.select(
        national_id.is_valid(pl.col("person"))
        & institution_code.is_wellformed(pl.col("institution"))
        & pl.col("second").is_between(0, _SECONDS - 1)
        & pl.col("service").is_not_null()
    ).to_series()
    out = pl.Series("identifier", [None], dtype=pl.String).new_from_index(0, len(person))
    for key in keys:
        chosen = fits.fill_null(False) & _within(time, key).fill_null(False)
        rows = chosen.arg_true()
        if len(rows):
            out = out.scatter(rows, fixed_width.to_texts(_ALPHABET[_cipher(key).encrypt(_packed(facts[rows]))]))
    return out


def issue_one(keys: KeyRing, *, person: str, institution: str, time: datetime, service: str) -> str:
    """One identifier. Raises NotEncodable naming the fact that does not fit."""
    made = issue(
        keys,
        person=pl.Series([person], dtype=pl.String),
        institution=pl.Series([institution], dtype=pl.String),
        time=pl.Series([time.replace(microsecond=0)], dtype=pl.Datetime("us")),
        service=pl.Series([service], dtype=pl.String),
    )[0]
    if made is not None:
        return str(made)
    if not national_id.is_valid_id(person):
        raise NotEncodable("the patient's number is neither a national ID nor a resident number")
    if keys.at(time) is None or not EPOCH <= time < END:
        raise NotEncodable("no key serves visits of that time")
    raise NotEncodable(f"the institution code or the service {service!r} does not fit")


def open_all(keys: KeyRing, identifiers: pl.Series, institutions: pl.Series) -> pl.DataFrame:
    """The facts behind identifiers: a row each, all columns null where nothing genuine is found.

    Columns ``person institution`` (String), ``time`` (Datetime), ``service`` (name), ``key`` (version).
    ``institutions``: the codes of every institution that ever was in the register.
    """
    out = _no_facts().clear(len(identifiers))
    wellformed = identifiers.str.contains(_FORM).fill_null(False)
    numerals = _VALUE[fixed_width.to_matrix(identifiers.filter(wellformed), LENGTH)]
    at = wellformed.arg_true().to_numpy()
    for key in keys:
        facts = _unpacked(_cipher(key).decrypt(numerals)).with_columns(key=pl.lit(key.version, pl.Int64))
        genuine = facts["institution"].is_in(institutions.implode()) & _within(facts["time"], key)
        genuine &= facts["service"].is_not_null() & facts["person"].is_not_null()
        rows = genuine.fill_null(False).arg_true().to_numpy()
        # written per column: rows of earlier keys that are not genuine under this one keep what they have
        out = out.with_columns(out[name].scatter(at[rows], facts[name][rows]) for name in out.columns)
    return out


def open_one(keys: KeyRing, identifier: str, institutions: pl.Series) -> dict[str, object] | None:
    """The facts behind one identifier, None where it is not genuine."""
    row = open_all(keys, pl.Series([identifier], dtype=pl.String), institutions).row(0, named=True)
    return row if row["key"] is not None else None


def _no_facts() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "person": pl.String,
            "institution": pl.String,
            "time": pl.Datetime("us"),
            "service": pl.String,
            "key": pl.Int64,
        }
    )


@cache
def _cipher(key: Key) -> FF1:
    return FF1(key.derive("visit identifier"), radix=36, length=LENGTH, tweak=_TWEAK)


def _within(time: pl.Series, key: Key) -> pl.Series:
    return (time >= key.since) & (time < (key.until or END))


def _packed(facts: pl.DataFrame) -> NDArray[np.uint8]:
    """Facts that fit as 20 numerals a row."""
    moment = (facts["second"] * SERVICES + facts["service"]).to_numpy()
    quotient, remainder = np.divmod(moment, _REMAINDERS)
    first = institution_code.to_number(facts["institution"]) * _QUOTIENTS + quotient
    second = national_id.to_number(facts["person"]) * _REMAINDERS + remainder
    return np.hstack([fixed_width.number_to_digits(half, 10, 36) for half in (first, second)])


def _unpacked(numerals: NDArray[np.uint8]) -> pl.DataFrame:
    """The inverse; null where a number is beyond its range."""
    halves = [fixed_width.digits_to_number(half, 36) for half in (numerals[:, :10], numerals[:, 10:])]
    institution, quotient = np.divmod(halves[0], _QUOTIENTS)
    person, remainder = np.divmod(halves[1], _REMAINDERS)
    second, service = np.divmod(quotient * _REMAINDERS + remainder, SERVICES)
    names = {each.number: each.name for each in services().values()}
    return pl.DataFrame(
        {
            "person": national_id.from_number(person),
            "institution": institution_code.from_number(institution),
            "time": pl.Series(second) * 1_000_000,
            "service": pl.Series(service).replace_strict(names, default=None, return_dtype=pl.String),
        }
    ).with_columns(time=pl.lit(EPOCH, pl.Datetime("us")) + pl.col("time").cast(pl.Duration("us")))
