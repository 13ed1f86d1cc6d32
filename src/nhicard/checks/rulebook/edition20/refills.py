"""Refills (聯次) of chronic continuous prescriptions (慢連箋), across institutions.

An issuing record (H01 A or B) creates refills 1 to M26 (D04=C) or M29 (D04=F); a dispensing record (M07 AE at an
institution, AF at a pharmacy) takes the one that M33 or M34 says, of the prescription in M16. C cancels those that are
not dispensed, E undoes that, D deletes a record and what it created or took.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from polars import col

from nhicard.checks.facts.refills import DISPENSING, LIST_KINDS
from nhicard.checks.rule import Breaks, past, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, one_of
from nhicard.formats.assumptions import Assumptions


def _is_record() -> pl.Expr:
    return one_of(col.H01, NORMAL_AND_ABNORMAL)


def _dispenses() -> pl.Expr:
    """A dispensing record to be kept."""
    return one_of(col.M07, DISPENSING) & _is_record()


def _by_number(broken: Callable[[str], pl.Expr]) -> dict[str, pl.Expr]:
    """The condition of each list kind, blaming the field that says which refill it is."""
    return {of.number: broken(kind) for kind, of in LIST_KINDS.items()}


def _is_allowed(kind: str) -> pl.Expr:
    """Whether the prescription is known and has a refill of that number."""
    return past(f"refill_number:{kind}") <= past(f"refill_count:{kind}")


def _cancelled() -> dict[str, pl.Expr]:
    return _by_number(lambda kind: _dispenses() & past(f"refill_cancelled:{kind}"))


@rule("2.0", assumptions=("d063_speaks_of_refills_dispensed_elsewhere",))
def D016(assume: Assumptions) -> Breaks:
    """更正後的可調劑次數 {field} 變少，但減掉的聯次本院已調劑；請先刪除（H01=D）該次調劑紀錄，或改回 {field}。

    The correction lowers the allowed dispensings {field}, but you have dispensed a refill that it drops; delete that
    dispensing record (H01=D) first, or restore {field}.

    減掉的聯次為他院調劑時報 D063。Where another institution dispensed it the code is D063.
    """
    broken = {of.count: past(f"reduced_here:{kind}") for kind, of in LIST_KINDS.items()}
    if not assume["d063_speaks_of_refills_dispensed_elsewhere"]:
        broken = {of.count: broken[of.count] | past(f"reduced_elsewhere:{kind}") for kind, of in LIST_KINDS.items()}
    return {count: _is_record() & reduced for count, reduced in broken.items()}


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character",))
def D019() -> Breaks:
    """調劑聯次 {field} 超過原處方的可調劑次數；請核對處方箋與 {field}。

    The refill number {field} is beyond the allowed dispensings of the prescription; check it by the prescription.
    """
    return _by_number(
        lambda kind: _dispenses() & (past(f"refill_count:{kind}") > 0) & ~_is_allowed(kind)  # none known is D024
    )


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character",))
def D022() -> Breaks:
    """調劑聯次 {field} 順序不對：前面還有聯次未調劑，或本院已調劑過這一聯；請核對 {field}，並依序上傳。

    The refill number {field} is out of order: an earlier refill is not dispensed yet, or you have dispensed this one
    already; check it, and upload dispensings in their order.
    """

    def out_of_order(kind: str) -> pl.Expr:
        again = (past(f"refill_dispensed_by:{kind}") == col.M05) & (past(f"refill_dispensed_as:{kind}") != col.M15)
        return _dispenses() & _is_allowed(kind) & (past(f"refill_skipped:{kind}") | again)

    return _by_number(out_of_order)


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character", "d023_and_d073_both_reported"))
def D023() -> Breaks:
    """這一聯（{field}）已由開立院所註銷，不可調劑；請病人洽開立院所，或請該院所取消註銷（H01=E）。

    This refill ({field}) was cancelled by the institution that issued it and cannot be dispensed; refer the patient to
    it, or have it undo the cancellation (H01=E).

    D073 的說明相同，預設兩碼都報。D073 says the same; by default both are reported.
    """
    return _cancelled()


@rule(
    "2.0",
    "M16",
    of_value=True,
    warns_before="single_track_buffer_end",
    assumptions=("single_track_buffer_end", "refill_number_is_first_character"),
)
def D024() -> Breaks:
    """查不到 M16 開立的慢性病連續處方箋或其聯次；請核對 M16、M33、M34，或請開立院所先上傳。
    單軌緩衝期間仍會收載。

    No continuous prescription, or none of this kind, is on record under M16; check M16, M33 and M34, or have the
    issuing institution upload first. During the buffer period the record is still accepted.
    """
    unknown = pl.any_horizontal(past(f"refill_count:{kind}") == 0 for kind in LIST_KINDS)
    return _dispenses() & unknown


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character",))
def D025() -> Breaks:
    """這一聯（{field}）已由他院調劑，不可再調劑；請核對處方箋與 {field}。

    This refill ({field}) was dispensed by another institution and cannot be dispensed again; check the prescription and
    {field}.
    """
    return _by_number(lambda kind: _dispenses() & (past(f"refill_dispensed_by:{kind}") != col.M05))


@rule("2.0", "H01")
def D034() -> Breaks:
    """處方箋的所有聯次都已調劑或註銷，沒有可註銷的；請取消這筆註銷（H01=C）。

    Every refill of the prescription is dispensed or cancelled, so nothing is left to cancel; withdraw this cancellation
    (H01=C).
    """
    return (
        (col.H01 == "C") & past("key_in_force") & (past("issued_refills:all") > 0) & (past("issued_refills:open") == 0)
    )


@rule("2.0", "H01", assumptions=("refill_number_is_first_character",))
def D035() -> Breaks:
    """這筆調劑紀錄的聯次（M33、M34）已由他院調劑或註銷，不可刪除；請洽該院所。

    The refill of this dispensing record (M33, M34) has been dispensed or cancelled by another institution, so the
    record cannot be deleted; turn to that institution.

    刪除時須附 M33 或 M34 才能比對聯次。The refill is known where the deletion gives M33 or M34.
    """

    def taken_elsewhere(kind: str) -> pl.Expr:
        dispensed = past(f"refill_dispensed_by:{kind}") != col.M05
        cancelled = past(f"refill_cancelled:{kind}") & (past(f"refill_issued_by:{kind}") != col.M05)
        return dispensed.fill_null(False) | cancelled.fill_null(False)

    return (col.H01 == "D") & one_of(col.M07, DISPENSING) & pl.any_horizontal(map(taken_elsewhere, LIST_KINDS))


@rule("2.0", "H01")
def D038() -> Breaks:
    """處方箋沒有已註銷的聯次，無法取消註銷（H01=E）；請核對 M11、M15 是否為該處方箋的就醫。

    The prescription has no cancelled refill, so no cancellation can be undone (H01=E); check that M11 and M15 are those
    of its visit.
    """
    return (
        (col.H01 == "E")
        & past("key_in_force")
        & (past("issued_refills:all") > 0)
        & (past("issued_refills:cancelled") == 0)
    )


@rule("2.0", "H01")
def D039() -> Breaks:
    """這筆就醫開立的慢連箋已有聯次由他院調劑，不可刪除；未調劑的聯次請改用註銷（H01=C）。

    Another institution has dispensed a refill of the prescription that this visit issued, so the record cannot be
    deleted; cancel what is not dispensed instead (H01=C).

    聯次只有開立院所能註銷（D053），所以註銷不會是他院所為。Only the issuing institution can cancel refills (D053), so a
    cancellation is never another one's.
    """
    return (col.H01 == "D") & (past("issued_refills:elsewhere") > 0)


@rule("2.0", assumptions=("d063_speaks_of_refills_dispensed_elsewhere",))
def D063(assume: Assumptions) -> Breaks:
    """更正後的可調劑次數變少，但減掉的聯次是他院調劑的，不可減少；請改回可調劑次數（M26、M29）。

    The correction lowers the allowed dispensings, but another institution dispensed a refill that it drops; restore the
    number (M26, M29).

    減掉的聯次為本院調劑時報 D016。Where you dispensed it yourself the code is D016.
    """
    if not assume["d063_speaks_of_refills_dispensed_elsewhere"]:
        return {}
    return _by_number(lambda kind: _is_record() & past(f"reduced_elsewhere:{kind}"))


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character", "d023_and_d073_both_reported"))
def D073(assume: Assumptions) -> Breaks:
    """這一聯（{field}）已由開立院所註銷，不可調劑；請病人洽開立院所，或請該院所取消註銷（H01=E）。

    This refill ({field}) was cancelled by the institution that issued it and cannot be dispensed; refer the patient to
    it, or have it undo the cancellation (H01=E).

    與 D023 說明相同。The text is that of D023.
    """
    return _cancelled() if assume["d023_and_d073_both_reported"] else {}
