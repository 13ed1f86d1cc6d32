"""A list's new version into the tables that the services work with: only what differs from the version before.

Each function takes the version's frame and the difference to the one before. What a list does not say (names of staff,
the state of an insurance) stays as it is; institutions and persons are added and renewed, never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from nhicard.formats import rocdate
from nhicard.insurer.registry import bulk, versions
from nhicard.insurer.registry.changes import Difference
from nhicard.insurer.registry.models import (
    SINCE_EVER,
    Contract,
    Coverage,
    Employment,
    Institution,
    InsuredPerson,
    Kind,
    Profession,
    StaffMember,
    Suspension,
)
from nhicard.insurer.registry.tables import pairs

_SHORT: Final = 40
_LONG: Final = 100
_COUNTY: Final = 10
_SEXES: Final = {"男": "M", "女": "F", "1": "M", "2": "F"}
_PERIOD: Final = (pl.col("start").fill_null(SINCE_EVER).alias("valid_from"), pl.col("end").alias("valid_until"))


def institutions(rows: pl.DataFrame, found: Difference, today: date) -> None:
    """Institutions and their contracts. A contract that is no longer listed ended yesterday at the latest."""
    touched = _of(rows, found.touched)
    new = {column: f"excluded.{column}" for column in ("name", "kind", "category", "division", "county")}
    # the lists know no short name: it follows the name until somebody gives a better one
    table = Institution._meta.db_table
    follows = (
        f"CASE WHEN {table}.short_name = substr({table}.name, 1, {_SHORT}) "
        f"THEN excluded.short_name ELSE {table}.short_name END"
    )
    bulk.upsert(Institution, _facts(touched), "code", new | {"short_name": follows})
    unlisted = found.gone.filter(~pl.col("code").is_in(touched["code"].implode()))
    yesterday = today - timedelta(days=1)
    ended = unlisted.with_columns(end=pl.min_horizontal("end", pl.lit(yesterday)))
    contracts = pl.concat([touched, ended.filter(pl.col("start").fill_null(SINCE_EVER) <= pl.col("end"))])
    bulk.replace(Contract, "institution", "code", found.touched, _owned(contracts, "code"))
    _catch_up(found.touched)


def suspensions(rows: pl.DataFrame, found: Difference, today: date) -> None:
    """Suspensions of institutions in the register; of others they follow when these are loaded."""
    owned = _owned(_of(rows, found.touched), "institution")
    bulk.replace(Suspension, "institution", "code", found.touched, owned)


def staff(rows: pl.DataFrame, found: Difference, today: date) -> None:
    """Staff members and where they are employed."""
    touched = _of(rows, found.touched)
    people = touched.select(id_no="id", profession=pl.lit(Profession.UNKNOWN.value)).unique()
    bulk.upsert(StaffMember, people, "id_no", {})
    owned = _owned(touched, "id", institution_code=pl.col("institution").fill_null(""))
    bulk.replace(Employment, "staff", "id_no", found.touched, owned)


def insured(rows: pl.DataFrame, found: Difference, today: date) -> None:
    """Insured persons and their coverage."""
    touched = _of(rows, found.touched)
    sex = pl.col("sex").replace(_SEXES)
    people = (
        touched.with_columns(sex=pl.when(sex.is_in(["M", "F"])).then(sex))
        .sort("start", nulls_last=False)
        .group_by("id", maintain_order=True)
        .agg(birthday=_western(pl.col("birth")).last(), sex=pl.col("sex").drop_nulls().last().fill_null(""))
        .rename({"id": "id_no"})
    )
    kept = f"CASE WHEN excluded.sex = '' THEN {InsuredPerson._meta.db_table}.sex ELSE excluded.sex END"
    bulk.upsert(InsuredPerson, people, "id_no", {"birthday": "excluded.birthday", "sex": kept})
    owned = _owned(touched, "id", card=pl.col("card").fill_null(""))
    bulk.replace(Coverage, "person", "id_no", found.touched, owned)


PROJECTIONS: Final[Mapping[str, Callable[[pl.DataFrame, Difference, date], None]]] = {
    "institutions": institutions,
    "suspensions": suspensions,
    "staff": staff,
    "insured": insured,
}


def _facts(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an institution, as the table has it: of each fact the one that was said last."""
    said = ("name", "kind", "division", "county")
    facts = (
        rows.sort("start", nulls_last=False)
        .group_by("code", maintain_order=True)
        .agg(pl.col(column).drop_nulls().last() for column in said)
    )
    categories = pairs("contract_categories", "category", "kind")
    category = pl.when(pl.col("kind").is_in(list(categories))).then(pl.col("kind"))
    prefix = (
        pl.col("code")
        .str.head(2)
        .replace_strict(pairs("code_prefixes", "prefix", "kind"), default=None, return_dtype=pl.String)
    )
    by_category = category.replace_strict(categories, default=None, return_dtype=pl.String)
    of_code = pl.when(prefix == Kind.NOT_MEDICAL.value).then(prefix)
    name = pl.col("name").fill_null("").str.head(_LONG)
    return facts.select(
        "code",
        name=name,
        short_name=name.str.head(_SHORT),
        kind=pl.coalesce(of_code, by_category, prefix, pl.lit(Kind.OTHER_MEDICAL.value)),
        category=category.fill_null(""),
        division=_division(pl.col("division")),
        county=pl.col("county").fill_null("").str.head(_COUNTY),
    )


def _division(said: pl.Expr) -> pl.Expr:
    """1 to 6 from a number or a name such as 臺北業務組; null where neither."""
    numbers = pairs("divisions", "name_zh", "division")
    name = said.str.replace("台", "臺", literal=True).str.head(2).replace(numbers)
    number = pl.coalesce(said, pl.lit("")).str.strip_chars().cast(pl.Int64, strict=False)
    found = pl.coalesce(number, name.cast(pl.Int64, strict=False))
    return pl.when(found.is_between(1, len(numbers))).then(found)


def _owned(rows: pl.DataFrame, owner: str, **more: pl.Expr) -> pl.DataFrame:
    """The rows as periods of their owners."""
    return rows.select(*_PERIOD, owner=owner, **more).unique()


def _of(rows: pl.DataFrame, codes: pl.Series) -> pl.DataFrame:
    return rows.join(codes.to_frame(), on=rows.columns[0], how="semi")


def _catch_up(codes: pl.Series) -> None:
    """Suspensions that were loaded before their institutions."""
    version = versions.newest("suspensions")
    if version:
        rows = versions.frame(version)
        owners = codes.alias("institution")
        suspensions(rows, Difference(rows.clear(), rows, owners), date.min)


def _western(birth: pl.Expr) -> pl.Expr:
    """``yyyMMdd`` as Date; years before ROC 1 too, which ROC dates proper do not know."""
    year = birth.str.head(-4).cast(pl.Int64) + rocdate.YEAR_BEFORE_FIRST
    return pl.date(year, birth.str.slice(-4, 2).cast(pl.Int64), birth.str.tail(2).cast(pl.Int64))
