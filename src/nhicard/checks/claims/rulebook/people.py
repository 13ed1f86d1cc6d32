"""Who: patients, professionals, institutions."""

from __future__ import annotations

from polars import col

from nhicard.checks.claims.rule import Breaks, Vocabulary, rule, valid_person
from nhicard.checks.rule import uploader
from nhicard.identity import institution_code, national_id


@rule("person")
def clm_501(of: Vocabulary) -> Breaks:
    """{element}（{name}）的檢查碼不對或格式不符；請核對健保卡上的證號。

    {element} ({name}) has a wrong check digit or form; check it against the card.
    """
    return [(of["person"], ~national_id.is_valid(col(of["person"])))]


@rule(severity="warn")
def clm_502(of: Vocabulary) -> Breaks:
    """{element}（{name}）不是有效的證號，也不是醫事機構代碼；請核對。

    {element} ({name}) is neither a valid ID nor an institution code; check it.

    原處方醫師不明時，可填院所代碼。The institution's code stands for a prescriber who is not known.
    """
    return [
        (e.id, ~valid_person(e.id) & ~institution_code.is_wellformed(col(e.id)))
        for e in of.table.elements.values()
        if e.form == "staff"
    ]


@rule("institution", severity="file")
def clm_503(of: Vocabulary) -> Breaks:
    """{element}（{name}）不是申報院所的代碼；請核對是否選錯檔案。

    {element} ({name}) is not the code of the institution that claims; make sure it is the right file.
    """
    return [(of["institution"], col(of["institution"]) != uploader())]
