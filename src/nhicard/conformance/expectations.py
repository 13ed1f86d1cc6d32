"""What a case can ask of an answer. Each gives None, or what is wrong in one English line.

``Told`` are the values that ``{name}`` in an expectation stands for: what was sent, and what earlier steps kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from nhicard.conformance import answers
from nhicard.conformance.answers import RULE, Answer, ResultText

Told = Mapping[str, str]
OfAnswer = Callable[[Answer, Any, Told], str | None]
OfResult = Callable[[ResultText, Any, Told], str | None]
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
#: How far the clocks of the two sides may differ, in seconds.
_CLOCKS: Final = 300


class NotAsExpected(Exception):
    """A case fails here: what was seen, in a line."""


def filled(value: Any, told: Told) -> Any:
    """The value with ``{name}`` replaced. Raises NotAsExpected for a name that no answer gave."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _given(match[1], told), value)
    if isinstance(value, Mapping):
        return {key: filled(each, told) for key, each in value.items()}
    return [filled(each, told) for each in value] if isinstance(value, list) else value


def _given(name: str, told: Told) -> str:
    if name not in told:
        raise NotAsExpected(f"an earlier answer had no {name}")
    return told[name]


# ---- of an HTTP answer ----


def _http(answer: Answer, wanted: int, told: Told) -> str | None:
    return None if answer.http == wanted else f"HTTP {answer.http} instead of {wanted}"


def _content(answer: Answer, wanted: str, told: Told) -> str | None:
    return None if answer.content_type == wanted else f"content type {answer.content_type!r} instead of {wanted}"


def _code(answer: Answer, wanted: str | int | list[str], told: Told) -> str | None:
    codes = wanted if isinstance(wanted, list) else [wanted]
    return None if answer.code in codes else f"rtnCode {answer.code} instead of {' or '.join(map(str, codes))}"


def _not_code(answer: Answer, unwanted: str, told: Told) -> str | None:
    if answer.value("rtnCode") is None:
        return "no rtnCode"
    return f"rtnCode {answer.code}" if answer.code == unwanted else None


def _keys(answer: Answer, wanted: list[str], told: Told) -> str | None:
    missing = [key for key in wanted if key not in answer.body]
    return f"no {', '.join(missing)} in the reply (spelt so)" if missing else None


def _no_keys(answer: Answer, unwanted: list[str], told: Told) -> str | None:
    there = [key for key in unwanted if answer.value(key)]
    return f"{', '.join(there)} must not have a value" if there else None


def _matches(answer: Answer, wanted: Mapping[str, str], told: Told) -> str | None:
    for key, pattern in wanted.items():
        value = answer.value(key)
        if not isinstance(value, str) or not re.fullmatch(filled(pattern, told), value):
            return f"{key} is {answers.told(key, value)!r}"
    return None


def _equals(answer: Answer, wanted: Mapping[str, Any], told: Told) -> str | None:
    for path, value in filled(wanted, told).items():
        found: Any = answer.body
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        allowed = value if isinstance(value, list) else [value]
        if not any(type(found) is type(each) and found == each for each in allowed):
            return f"{path} is {answers.told(path, found)!r} instead of {' or '.join(map(repr, allowed))}"
    return None


def _differs(answer: Answer, unwanted: Mapping[str, str], told: Told) -> str | None:
    for key, value in filled(unwanted, told).items():
        if not isinstance(answer.value(key), str) or answer.value(key) == value:
            return f"{key} is the same as before, or missing"
    return None


def _status(answer: Answer, wanted: int | list[int], told: Told) -> str | None:
    code = answer.body.get("statusCode")
    if not isinstance(code, int) or isinstance(code, bool):
        return f"statusCode is {code!r}, not an integer"
    codes = wanted if isinstance(wanted, list) else [wanted]
    return None if code in codes else f"statusCode {code} instead of {' or '.join(map(str, codes))}"


def _refused(answer: Answer, wanted: bool, told: Told) -> str | None:
    code = answer.body.get("statusCode")
    if not isinstance(code, int) or isinstance(code, bool):
        return f"statusCode is {code!r}, not an integer"
    return None if (code != 0) == wanted else f"statusCode {code}"


def _texts(answer: Answer, wanted: list[str], told: Told) -> str | None:
    wrong = [key for key in wanted if not isinstance(answer.body.get(key), str)]
    return f"{', '.join(wrong)} missing or no text" if wrong else None


def _receipt_time(answer: Answer, wanted: bool, told: Told) -> str | None:
    """The receipt's first 14 characters are a time close to ours."""
    try:
        at = datetime.strptime(str(answer.value("opCode"))[:14], "%Y%m%d%H%M%S")
    except ValueError:
        return "the receipt does not begin with a time"
    apart = abs((at - datetime.strptime(told["now"], "%Y%m%d%H%M%S")).total_seconds())
    return None if apart <= _CLOCKS else f"the receipt's time is {apart:.0f} s away"


# ---- of a result text ----


def _encoding(result: ResultText, wanted: str, told: Told) -> str | None:
    return None if result.is_big5 == (wanted == "big5") else f"the text is not {wanted}"


def _heading(result: ResultText, wanted: Mapping[int, str], told: Told) -> str | None:
    values = result.brackets
    for place, value in filled(wanted, told).items():
        found = values[place] if place < len(values) else None
        if found is None or not re.fullmatch(value, found):
            return f"value {place} of the heading is {found!r} instead of {value}"
    return None


def _brackets(result: ResultText, wanted: int, told: Told) -> str | None:
    count = len(result.brackets)
    return None if count == wanted else f"{count} bracketed values in the heading instead of {wanted}"


def _title(result: ResultText, wanted: str, told: Told) -> str | None:
    return None if wanted in result.parts[0] else f"{wanted} does not stand in the heading"


def _upload_time(result: ResultText, place: int, told: Told) -> str | None:
    values = result.brackets
    digits = re.sub(r"\D", "", values[place]) if place < len(values) else ""
    try:
        at = datetime.strptime(digits[:14], "%Y%m%d%H%M%S")
    except ValueError:
        return f"value {place} of the heading is no time"
    apart = abs((at - datetime.strptime(told["now"], "%Y%m%d%H%M%S")).total_seconds())
    return None if apart <= _CLOCKS else f"value {place} of the heading is {apart:.0f} s away"


def _rules(result: ResultText, wanted: int, told: Told) -> str | None:
    if wrong := [len(line) for line in result.rules if line != RULE]:
        return f"a line of {wrong[0]} = instead of {len(RULE)}"
    return None if len(result.rules) == wanted else f"{len(result.rules)} lines of = instead of {wanted}"


def _blocks(result: ResultText, wanted: list[int | None], told: Told) -> str | None:
    numbers = [block.record for block in result.blocks]
    return None if numbers == wanted else f"blocks of records {numbers} instead of {wanted}"


def _shows(result: ResultText, wanted: Mapping[int, Mapping[str, str]], told: Told) -> str | None:
    by_record = {block.record: block.shown for block in result.blocks}
    for record, fields in filled(wanted, told).items():
        shown = by_record.get(record, {})
        if wrong := [name for name, value in fields.items() if shown.get(name) != value]:
            return f"record {record} does not show {', '.join(wrong)} as sent"
    return None


def _clean(result: ResultText, wanted: bool, told: Told) -> str | None:
    strange = [line for block in result.blocks for line in block.strange]
    if not result.brackets:
        return "no heading"
    return f"a line of another form: {strange[0][:60]!r}" if strange else None


def _finds(result: ResultText, wanted: list[str], told: Told) -> str | None:
    """Items such as ``2 D05[1]:AF``: ``file`` in place of the number for the file's own, ``any`` for anybody's."""
    for each in wanted:
        record, _, item = each.partition(" ")
        items = result.items_of(record)
        if not any(_is(found, item) for found in items):
            return f"record {record}: no {item} among {', '.join(sorted(items)) or 'nothing'}"
    return None


def _lacks(result: ResultText, unwanted: list[str], told: Told) -> str | None:
    if not result.brackets:
        return "no heading"
    for each in unwanted:
        record, _, item = each.partition(" ")
        if found := [found for found in result.items_of(record) if _is(found, item)]:
            return f"record {record}: {found[0]}"
    return None


def _is(found: str, wanted: str) -> bool:
    """Whether an item is the wanted one: ``*`` for any field, ``M03|M04`` for one of them, any order unless given."""
    field, _, code = found.partition(":")
    fields, _, wanted_code = wanted.partition(":")
    names = set(fields.split("|"))
    return code == wanted_code and bool({"*", field, field.partition("[")[0]} & names)


OF_ANSWERS: Final[Mapping[str, OfAnswer]] = {
    "http": _http,
    "content": _content,
    "code": _code,
    "not_code": _not_code,
    "keys": _keys,
    "no_keys": _no_keys,
    "matches": _matches,
    "equals": _equals,
    "differs": _differs,
    "status": _status,
    "refused": _refused,
    "texts": _texts,
    "receipt_time": _receipt_time,
}
OF_RESULTS: Final[Mapping[str, OfResult]] = {
    "encoding": _encoding,
    "heading": _heading,
    "brackets": _brackets,
    "title": _title,
    "upload_time": _upload_time,
    "rules": _rules,
    "blocks": _blocks,
    "shows": _shows,
    "clean": _clean,
    "finds": _finds,
    "lacks": _lacks,
}
