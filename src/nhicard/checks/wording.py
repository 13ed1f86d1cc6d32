"""The sentences of a finding: the rule's own, with what the tables know of the blamed field filled in."""

from __future__ import annotations

from functools import cache
from string import Formatter

from nhicard.checks.official import official
from nhicard.checks.rule import Rule, rules
from nhicard.formats.tables import Edition, Form, codes, fields, forms

_MANY = 14  # more codes than this are not listed in a sentence

_FORMS_ZH = {
    "date": "7 位民國日期 yyyMMdd",
    "time": "13 位民國日期時間 yyyMMddHHmmss",
    "number": "數字",
    "amount": "整數（可為負）",
    "quantity": "數字（可有小數）",
    "id": "身分證號或統一證號",
    "code": "代碼",
    "text": "半形英數字",
}
_FORMS_EN = {
    "date": "a ROC date of 7 digits, yyyMMdd",
    "time": "a ROC time of 13 digits, yyyMMddHHmmss",
    "number": "digits",
    "amount": "a whole number, which may be negative",
    "quantity": "a number, which may have decimals",
    "id": "an ID number",
    "code": "a code",
    "text": "plain letters and digits",
}


def sentences(rule: Rule, blamed: str) -> tuple[str, str]:
    """The Chinese and the English sentence of a finding of this rule on this field (``*`` for any field)."""
    zh, en = _facts(rule.edition, blamed)
    return _fill(rule.zh, zh), _fill(rule.en, en)


@cache
def sentences_of(edition: Edition, code: str, blamed: str) -> tuple[str, str]:
    """The sentences of a finding known by its code; the official meaning where no rule of ours words it."""
    if found := rules(edition).get(code):
        return sentences(found, blamed)
    meaning = official(edition)[code].meaning_zh if code in official(edition) else code
    return meaning, f"{code}: {meaning}"


@cache
def _facts(edition: Edition, blamed: str) -> tuple[dict[str, str], dict[str, str]]:
    known = fields(edition).get(blamed)
    if known is None:
        name = {"*": ("欄位", "The field"), "MB2": ("MB2", "MB2")}.get(blamed, (blamed, blamed))
        blank = {"length": "規定長度", "type": "規定型態", "values": "見代碼表"}
        blank_en = {
            "length": "of the defined length",
            "type": "of the defined type",
            "values": "see the code table",
        }
        return {"field": name[0], "name": "醫令" if blamed == "MB2" else "名稱", **blank}, {
            "field": name[1],
            "name": "orders" if blamed == "MB2" else "name",
            **blank_en,
        }
    form = forms(edition)[blamed]
    length_zh, length_en = _length(known.length, form)
    values_zh, values_en = _values(edition, form)
    return (
        {
            "field": blamed,
            "name": known.name_zh,
            "length": length_zh,
            "type": _FORMS_ZH[form.form],
            "values": values_zh,
        },
        {
            "field": blamed,
            "name": known.name_en,
            "length": length_en,
            "type": _FORMS_EN[form.form],
            "values": values_en,
        },
    )


def _length(length: int | None, form: Form) -> tuple[str, str]:
    if length is None:
        return "規定長度", "of the defined length"
    if form.length_rule == "exact":
        return f" {length} 位", f"exactly {length} characters"
    return f"最多 {length} 位", f"at most {length} characters"


def _values(edition: Edition, form: Form) -> tuple[str, str]:
    if form.form in ("date", "time", "id"):
        return _FORMS_ZH[form.form], _FORMS_EN[form.form]
    if not form.values:
        return "見欄位說明", "see the field's description"
    if "-" in form.values:
        return form.values, form.values
    table = list(codes(edition, form.values))
    if len(table) > _MANY:
        return f"見代碼表 {form.values}", f"see code table {form.values}"
    return "、".join(table), ", ".join(table)


def _fill(template: str, facts: dict[str, str]) -> str:
    """``str.format`` for the known names only: other braces stay as they are."""
    out = []
    for literal, name, _, _ in Formatter().parse(template):
        out.append(literal)
        if name is not None:
            out.append(facts.get(name, "{" + name + "}"))
    return "".join(out)
