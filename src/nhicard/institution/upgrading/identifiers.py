"""Visit identifiers that the data centre can still give, through the control software."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import polars as pl
from polars import col

from nhicard.checks import Context
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.reader.client import Patient, StatusError, Tap, UnusableAnswer

ANSWERS: Final[dict[str, Any]] = {
    "record": pl.UInt32,
    "field": pl.String,
    "query": pl.String,
    "state": pl.String,
    "status": pl.Int64,
    "text_zh": pl.String,
    "text_en": pl.String,
}
"""Columns of ``Upgrade.answers``. ``state``: ``obtained``, ``refused`` (by the reader or the data centre, with its
``status`` code where there is one) or ``not asked``; the texts say why."""

_FIELD: Final = "M15"
_CARD, _NO_CARD = "/api/v1/TreatmentNumber/Card", "/api/v1/TreatmentNumber/NoCard"
_OBTAINED: Final = ("已取得就醫識別碼。", "The identifier was obtained.")
_NO_CARD_IN_READER: Final = (
    "讀卡機內不是這位病人的健保卡；請插卡後再做一次。",
    "The card of this patient is not in the reader; insert it and try again.",
)
_PAST_DAY: Final = (
    "無卡取號只給當下的識別碼，不能補取以前就醫的。",
    "Without the card only an identifier of this moment is given, none of an earlier visit.",
)
_OTHER_VISIT: Final = (
    "取得的識別碼不屬於這次就醫的日期或院所，未採用。",
    "The identifier obtained is of another day or institution and was not used.",
)
_UNREACHABLE: Final = ("讀卡機控制軟體或資料中心沒有回應。", "The control software or the data centre does not answer.")


class Source(Protocol):
    """Who gives identifiers: ``nhicard.reader.client.Reader``."""

    def patient(self) -> Patient:
        """Who holds the card in the reader."""

    def identifier(self, time: str) -> str:
        """The identifier of an earlier tap of that card."""

    def identifier_without_card(self, id_no: str) -> Tap:
        """An identifier of this moment for a patient without a card."""


class _Unreachable(Exception):
    """Nobody answers, so nothing more is asked."""


def obtain(batch: Batch, source: Source, context: Context) -> tuple[Batch, pl.DataFrame]:
    """The batch with the identifiers (M15) that could be got, and an answer a visit that lacks one (``ANSWERS``).

    Of a normal upload (H01=A) the identifier is asked by the visit's time, if the patient's card is in the reader. Of
    an abnormal one (B) an identifier of this moment serves on the day of the visit only, and where identifiers are
    compared by day (assumption d005_compares).
    """
    lacking = batch.visits.with_row_index("row").filter(
        (col.H00 == "1") & col.M15.is_null() & col.H01.is_in(["A", "B"])
    )
    wanted = lacking.select("row", "record", "H01", "M03", "M05", "M11").to_dicts()
    today = rocdate.format_date(context.as_of) if context.assumptions["d005_compares"] == "date" else ""
    answers = list(_answers(wanted, source, today))
    found = {visit["row"]: answer.pop("identifier") for visit, answer in zip(wanted, answers, strict=True)}
    told = batch.visits["M15"].scatter(list(found), list(found.values())) if found else batch.visits["M15"]
    got = Batch(batch.edition, batch.visits.with_columns(told), batch.orders)
    return got, pl.DataFrame(answers, schema=ANSWERS)


def _answers(wanted: list[dict[str, Any]], source: Source, today: str) -> Iterator[dict[str, Any]]:
    """An answer for each visit wanted; ``identifier`` beside it."""
    holder: str | None = None
    status: int | None = None
    reachable = True
    try:
        holder = source.patient().id_no
    except StatusError as error:
        status = error.code
    except UnusableAnswer:
        reachable = False
    for visit in wanted:
        with_card = visit["H01"] == "A"
        query = _CARD if with_card else _NO_CARD
        if not reachable:
            yield _answer(visit, query, "not asked", _UNREACHABLE)
        elif with_card and visit["M03"] != holder:
            yield _answer(visit, query, "not asked", _NO_CARD_IN_READER, status)
        elif not with_card and str(visit["M11"])[:7] != today:
            yield _answer(visit, query, "not asked", _PAST_DAY)
        else:
            try:
                yield _asked(visit, query, _by_card if with_card else _by_person, source)
            except _Unreachable:
                reachable = False
                yield _answer(visit, query, "refused", _UNREACHABLE)


def _asked(
    visit: dict[str, Any], query: str, ask: Callable[[Source, dict[str, Any]], str | None], source: Source
) -> dict[str, Any]:
    try:
        identifier = ask(source, visit)
    except StatusError as error:
        return _answer(visit, query, "refused", (str(error), str(error)), error.code)
    except UnusableAnswer:
        raise _Unreachable from None
    if identifier is None:
        return _answer(visit, query, "refused", _OTHER_VISIT)
    return _answer(visit, query, "obtained", _OBTAINED, identifier=identifier)


def _by_card(source: Source, visit: dict[str, Any]) -> str | None:
    return source.identifier(visit["M11"])


def _by_person(source: Source, visit: dict[str, Any]) -> str | None:
    tap = source.identifier_without_card(visit["M03"])
    fits = tap.time[:7] == visit["M11"][:7] and tap.institution == visit["M05"]
    return tap.identifier if fits else None


def _answer(
    visit: dict[str, Any],
    query: str,
    state: str,
    sentences: tuple[str, str],
    status: int | None = None,
    identifier: str | None = None,
) -> dict[str, Any]:
    return {
        "record": visit["record"],
        "field": _FIELD,
        "query": query,
        "state": state,
        "status": status,
        "text_zh": sentences[0],
        "text_en": sentences[1],
        "identifier": identifier,
    }
