"""A batch beside what the insurer holds, in one vocabulary: what all facts start from.

A batch is compared with what was stored before it. Two records of one batch that depend on each other (a refill and its
prescription, a correction and what it corrects) are not seen to: whoever stores results checks such records in rounds,
and then the comparison is exact. Only what stands twice in a batch is found within it, from its second occurrence.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from nhicard.checks.context import Context
from nhicard.checks.history import FIELDS, STORED, WANTED, History, nothing
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.tables import codes

OPERATIONS: Final = ("C", "D", "E")  # upload kinds that change stored records and are none themselves
MISSING: Final = "MISS0000000000000000"
_ABNORMAL_ORIGINAL: Final = "[ABCDEG]0{19}"  # the reason of an abnormal visit (M18) and zeros, in M16
_SEPARATOR: Final = "\x1f"


class Past:
    """``batch`` against ``context.history``.

    ``files``: a row a visit with ``file``, ``now``, ``uploader``, ``sender``.
    """

    def __init__(self, batch: Batch, files: pl.DataFrame, context: Context) -> None:
        assert context.history is not None
        self.batch = batch
        self.files = files
        self.history: History = context.history
        self.is_precheck = context.is_precheck
        self.assume = context.assumptions
        self._kept: dict[str, pl.DataFrame] = {}

    # ---- the batch ----

    def field(self, field: str) -> pl.Series:
        """A field of the visits without blanks around it, empty where it was not sent."""
        return self.batch.visits.select(trimmed(field)).to_series()

    @cached_property
    def mine(self) -> pl.DataFrame:
        """The text columns of ``STORED`` for each visit of the batch, with ``row``, ``file`` and ``key``."""
        names = FIELDS[self.batch.edition]
        columns = [trimmed(names[name]).alias(name) if name in names else pl.lit("").alias(name) for name in _TEXTS]
        mine = self.batch.visits.select(columns)
        if self.batch.edition == "1.0":
            mine = self._with_vaccinations(mine)
        return mine.with_columns(self.files["file"]).with_columns(self._key()).with_row_index("row")

    def _with_vaccinations(self, mine: pl.DataFrame) -> pl.DataFrame:
        """Time and institution of vaccination data of 1.0, which stand in its orders."""
        vaccines = self.batch.orders.select("visit", time=trimmed("A62"), place=trimmed("A63"))
        first = vaccines.filter(pl.col("time") != "").unique("visit", keep="first", maintain_order=True)
        joined = mine.with_row_index("visit").join(first, on="visit", how="left", maintain_order="left")
        vaccination = pl.col("data_type") == "2"
        place = pl.coalesce(pl.col("place").replace("", None), "institution")
        return joined.with_columns(
            visit_time=pl.when(vaccination).then(pl.col("time").fill_null("")).otherwise("visit_time"),
            institution=pl.when(vaccination).then(place).otherwise("institution"),
        ).drop("visit", "time", "place")

    def _key(self) -> pl.Expr:
        edition = self.batch.edition
        named = {field: name for name, field in FIELDS[edition].items()}
        fields = self.assume[f"record_key_{edition.replace('.', '')}"]
        return pl.concat_str([named[field] for field in fields], separator=_SEPARATOR).alias("key")

    @cached_property
    def records(self) -> pl.DataFrame:
        """Those of ``mine`` that are records to be kept, with person and time, and no operations on others."""
        sent = (pl.col("patient_id") != "") & (pl.col("visit_time") != "") & (pl.col("upload_kind") != "")
        return self.mine.filter(sent & ~pl.col("upload_kind").is_in(OPERATIONS))

    @cached_property
    def orders(self) -> pl.DataFrame:
        """Orders of a 2.0 batch that deliver or delete an allergy entry: ``place`` among all orders, ``code`` and the
        entry as in ``ORDERS``, and the columns of their visits in ``mine``."""
        delivers = trimmed("D06").is_in(list(self.assume["delivery_orders"]))
        spoken_of = self.batch.orders.with_row_index("place").filter(delivers | (trimmed("E01") == "D"))
        told = spoken_of.select("place", code=trimmed("D06"), **{field: trimmed(field) for field in _ENTRY})
        return told.hstack(self.mine[spoken_of["visit"]].get_columns())

    @cached_property
    def deliveries(self) -> pl.DataFrame:
        """Those of ``orders`` that are deliveries."""
        return self.orders.filter(pl.col("code").is_in(list(self.assume["delivery_orders"])))

    def no_identifier(self, column: str) -> pl.Expr:
        """Whether there is none to look for: nothing was sent, or a stand-in for an identifier."""
        stand_ins = "|".join((*codes("2.0", "visit-id-special"), _ABNORMAL_ORIGINAL))
        typhoon = pl.col(column).is_in(list(self.assume["typhoon_identifiers"]))
        return pl.col(column).str.contains(rf"^(?:{stand_ins})?\z") | typhoon

    # ---- what is stored ----

    @cached_property
    def wanted(self) -> pl.DataFrame:
        """What to look for, as ``WANTED``."""
        moments = [self.mine.select("patient_id", "visit_time")]
        persons = [self.mine.filter(pl.col("original_identifier") == MISSING).select("patient_id")]
        if self.batch.edition == "2.0":
            returns = self.mine.with_columns(visit_time=self.field("M19")).filter(pl.col("category") == "AI")
            moments.append(returns.select("patient_id", "visit_time"))
            persons.append(self.mine.filter(pl.col("data_type") == "5").select("patient_id"))
            persons.append(self.deliveries.select("patient_id"))
        identifiers = [
            self.mine.filter(~self.no_identifier(column)).select(identifier=column)
            for column in ("identifier", "original_identifier")
        ]
        sent = (pl.col("patient_id") != "").fill_null(True) & (pl.col("visit_time") != "").fill_null(True)
        parts = (pl.concat(each).unique() for each in (moments, persons, identifiers))
        return pl.concat([nothing(WANTED), *parts], how="diagonal").filter(sent)

    @cached_property
    def stored(self) -> pl.DataFrame:
        """``STORED`` rows with their ``key``, of the sorts that this batch may see, operations left out."""
        found = self.history.visits(self.wanted) if self.wanted.height else nothing(STORED)
        record = ~pl.col("upload_kind").is_in(OPERATIONS)
        seen = record if self.is_precheck else record & ~pl.col("is_precheck")
        return found.select(*STORED).filter(seen).unique("visit", maintain_order=True).with_columns(self._key())

    @cached_property
    def visible(self) -> pl.DataFrame:
        """Records in force of either edition; for a pre-check real ones too."""
        return self.stored.filter(pl.col("state") == "accepted")

    @cached_property
    def of_my_sort(self) -> pl.DataFrame:
        """Records of the same edition, whatever became of them: pre-checks for a pre-check, else real ones."""
        same = (pl.col("edition") == self.batch.edition) & (pl.col("is_precheck") == self.is_precheck)
        return self.stored.filter(same)

    @cached_property
    def in_force(self) -> pl.DataFrame:
        """Those of them that are accepted and neither replaced nor deleted."""
        return self.of_my_sort.filter(pl.col("state") == "accepted")

    # ---- answers ----

    def once(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What a family of facts fetches or works out, made when it is first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def rows(self, found: pl.DataFrame) -> pl.Series:
        """True for the visits whose ``row`` is in the frame."""
        return _marked(found["row"], self.mine.height)

    def places(self, found: pl.DataFrame) -> pl.Series:
        """True for the orders whose ``place`` is in the frame."""
        return _marked(found["place"], self.batch.orders.height)

    def told(self, found: pl.DataFrame, column: str) -> pl.Series:
        """The column by visit, of a frame in which a ``row`` stands once at most; null for other visits."""
        if not found.height:  # the usual case of a single visit: spare it the join
            return pl.Series([None], dtype=found.schema[column]).new_from_index(0, self.mine.height)
        return self.mine.select("row").join(found, on="row", how="left", maintain_order="left")[column]


def _marked(places: pl.Series, height: int) -> pl.Series:
    marks = np.zeros(height, dtype=np.bool_)
    marks[places.to_numpy()] = True
    return pl.Series(marks)


_ENTRY: Final = ("E01", "E02", "E03", "E04")
_TEXTS: Final = tuple(FIELDS["2.0"])


def trimmed(field: str) -> pl.Expr:
    """A field as sent without blanks around it, empty where it was not sent."""
    return pl.col(field).str.strip_chars().fill_null("").alias(field)


def day_of(time: str) -> pl.Expr:
    """The Date of a column of ROC times or dates; null where it is none."""
    return rocdate.as_date(pl.col(time).str.head(7))
