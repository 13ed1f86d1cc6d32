"""Reading results: texts and ZIPs as the insurer gives them, and findings as JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from nhicard.checks.findings import SCHEMA as FINDINGS
from nhicard.checks.official import official
from nhicard.checks.wording import sentences_of
from nhicard.formats import assumptions as assumption_table
from nhicard.formats import encoding, rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import EDITIONS, Edition
from nhicard.identity import national_id
from nhicard.institution.results import heading, layout
from nhicard.institution.results.archive import UnusableResult, members
from nhicard.institution.results.result import SCHEMA, Result, Unread
from nhicard.institution.results.severity import severity

__all__ = ["UnusableResult", "read_results"]

_WEB_REPLY: Final = "tx_result_json"
_VPN_REPLY: Final = "content"
#: Identifier, time and person of a record, by edition.
_IDENTIFYING: Final[Mapping[Edition, tuple[str | None, str, str]]] = {
    "1.0": (None, "A17", "A12"),
    "2.0": ("M15", "M11", "M03"),
}


def read_results(
    source: Path | str | bytes,
    *,
    now: datetime | None = None,
    password: bytes | None = None,
    assumptions: Assumptions | None = None,
) -> list[Result]:
    """The results in a file: a text (Big5 or UTF-8), a ZIP of them, or the findings as JSON.

    ``now``: naive Taipei time that stands for the time of upload where a result does not say it (some codes only warn
    before a day); ``password``: of a ZIP. Raises UnusableResult for what cannot be read at all and OSError; whatever
    else is not understood is in ``Result.unread``.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = "" if isinstance(source, bytes) else str(source)
    chosen = assumptions or assumption_table.load()
    moment = now or rocdate.now()
    return [
        result
        for member in members(data, password)
        for result in _results("/".join(filter(None, (name, member.name))), member.data, moment, password, chosen)
    ]


def _results(
    name: str, data: bytes, now: datetime, password: bytes | None, assumptions: Assumptions
) -> Iterator[Result]:
    if not data.strip():
        raise UnusableResult("檔案是空的。", "The file is empty.")
    objects = _objects(data)
    if objects is None:
        yield _from_text(name, _decoded(data), now, assumptions)
        return
    for number, each in enumerate(objects, 1):
        label = f"{name}#{number}" if len(objects) > 1 else name
        if packed := each.get(_WEB_REPLY) or each.get(_VPN_REPLY):
            yield from _of_reply(label, packed, now, password, assumptions)
        else:
            yield _from_object(label, each, now, assumptions)


def _of_reply(
    name: str, packed: str, now: datetime, password: bytes | None, assumptions: Assumptions
) -> Iterator[Result]:
    """The results in the base64 text of a service's reply."""
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise UnusableResult("回覆的內容不是 base64。", "The content of the reply is not base64.") from None
    for member in members(data, password):
        objects = _objects(member.data) or []
        if any(_WEB_REPLY in each or _VPN_REPLY in each for each in objects):
            raise UnusableResult("回覆裡還有回覆，不予讀取。", "A reply within a reply is not read.")
        label = "/".join(filter(None, (name, member.name)))
        yield from _results(label, member.data, now, password, assumptions)


def _decoded(data: bytes) -> str:
    """The text; U+FFFD for what is neither UTF-8 nor Big5."""
    if encoding.guess(data) != "big5":
        return data.decode("utf-8", errors="replace")  # the file may end within a character
    return encoding.decode_marking(data)[0]


def _objects(data: bytes) -> list[dict[str, Any]] | None:
    """The JSON objects, one or one a line; None where it is no JSON."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        text = data.decode("utf-8-sig")
        try:
            found = [json.loads(text)]
        except ValueError:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise UnusableResult("JSON 內容不完整或有誤。", "The JSON is broken or cut off.") from None
    if not all(isinstance(each, dict) for each in found):
        raise UnusableResult("JSON 不是檢核結果。", "The JSON is no result of a check.")
    return found


def _from_text(name: str, text: str, now: datetime, assumptions: Assumptions) -> Result:
    parts = layout.take_apart(text)
    told = heading.read(parts.heading)
    unread = list(parts.unread)
    at = parts.heading_line
    if parts.heading and not told and "檢核結果" not in parts.heading:
        unread.insert(0, Unread(at, "not_a_result", parts.heading.split("\n")[0][:200]))
    else:
        unread = [*(Unread(at + row, "heading", words) for row, words in heading.unread_lines(parts.heading)), *unread]
    edition = _edition(told.get("kind"), parts)
    items = parts.items.join(parts.shown, on="block", how="left", maintain_order="left").drop("block")
    of = edition or "2.0"
    findings = _complete(_with_values(items, of), of, (told.get("uploaded_at") or now).date(), assumptions)
    return Result(name, edition, findings, tuple(unread), **told)


def _edition(kind: str | None, parts: layout.Parts) -> Edition | None:
    """What the kind of upload says, else the letter of the fields: A is edition 1.0; None where nothing tells."""
    for edition in EDITIONS:
        if kind and edition in kind:
            return edition
    names = [*parts.shown.columns[1:], *parts.items["field"].drop_nulls().unique().to_list()]
    fields = [name for name in names if name not in ("MB1", "MB2", "MSH", "*")]
    if not fields:
        return None
    return "1.0" if any(name.startswith("A") for name in fields) else "2.0"


def _from_object(name: str, told: dict[str, Any], now: datetime, assumptions: Assumptions) -> Result:
    """A result from the object that the insurer gives as JSON, or that ``nhicard check --format json`` prints."""
    findings = told.get("findings")
    edition = next((each for each in EDITIONS if each == told.get("edition")), None)
    if edition is None or not isinstance(findings, list):
        code = f"（{told['rtnCode']}）" if "rtnCode" in told else ""
        raise UnusableResult(f"JSON 裡沒有檢核結果{code}。", f"The JSON holds no result of a check{code}.")
    try:
        frame = pl.DataFrame([{key: row.get(key) for key in FINDINGS} for row in findings], schema=dict(FINDINGS))
    except (AttributeError, TypeError, OverflowError, pl.exceptions.PolarsError):
        raise UnusableResult(
            "JSON 的檢核結果格式不符。", "The findings in the JSON are not of the known form."
        ) from None
    receipt = told.get("receipt")
    return Result(
        source=name,
        edition=edition,
        findings=_complete(frame, edition, now.date(), assumptions),
        receipt=receipt.strip() if isinstance(receipt, str) else None,
        records=_number(told, "records"),
        orders=_number(told, "orders"),
        accepted=_number(told, "accepted", "accepted_with_warnings"),
        rejected=_number(told, "rejected"),
    )


def _number(told: Mapping[str, Any], *names: str) -> int | None:
    """The sum of the counts; None where one of them is missing."""
    values = [told.get(name) for name in names]
    return sum(values) if all(isinstance(value, int) for value in values) else None  # type: ignore[arg-type]


def _with_values(items: pl.DataFrame, edition: Edition) -> pl.DataFrame:
    """The items with what the shown fields tell: value of the blamed field, natural key, time of the visit."""
    shown = [name for name in items.columns if name not in FINDINGS]
    identifier, time, person = (name if name in shown else None for name in _IDENTIFYING[edition])
    blamed = [pl.when(pl.col("field") == name).then(name) for name in shown]
    value = pl.coalesce(pl.lit(None, pl.String), *blamed)
    keys: list[pl.Expr] = [pl.lit(None, pl.String)]
    if identifier:
        keys.append(pl.when(pl.col(identifier) != "").then(identifier))
    if time or person:
        masked = national_id.mask(pl.col(person)) if person else pl.lit(None, pl.String)
        told = pl.col(time) if time else pl.lit(None, pl.String)
        both = pl.concat_str(told.fill_null("?"), pl.lit(" "), masked.fill_null("?"))
        keys.append(pl.when(told.is_not_null() | masked.is_not_null()).then(both))
    return items.with_columns(
        value=value,
        key=pl.coalesce(keys),
        visit_at=rocdate.as_datetime(pl.col(time)) if time else pl.lit(None, pl.Datetime("us")),
    )


def _complete(frame: pl.DataFrame, edition: Edition, day: date, assumptions: Assumptions) -> pl.DataFrame:
    """The findings with every column of the schema; what they do not say comes from the official lists."""
    shown = sorted(name for name in frame.columns if name not in SCHEMA)
    missing = [name for name in SCHEMA if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=SCHEMA[name]).alias(name) for name in missing)
    kinds = frame.select("code", "field", of_record=pl.col("record").is_not_null()).unique(maintain_order=True)
    meanings = pl.DataFrame(
        [
            (
                code,
                field,
                of_record,
                severity(edition, code, field, day, assumptions, of_record=of_record),
                *_sentences(edition, code, field),
            )
            for code, field, of_record in kinds.drop_nulls("code").iter_rows()
        ],
        schema={**kinds.schema, "listed": pl.String, "zh": pl.String, "en": pl.String},
        orient="row",
    )
    known = frame.with_columns(of_record=pl.col("record").is_not_null()).join(
        meanings, on=["code", "field", "of_record"], how="left", nulls_equal=True, maintain_order="left"
    )
    filled = {"severity": "listed", "text_zh": "zh", "text_en": "en"}
    return known.with_columns(pl.coalesce(name, other).alias(name) for name, other in filled.items()).select(
        *(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()), *shown
    )


def _sentences(edition: Edition, code: str, field: str | None) -> tuple[str, str]:
    if code not in official(edition):
        return (
            f"代碼 {code} 不在 {edition} 已公布的代碼表；請洽分區業務組。",
            f"Code {code} is not in the published list of {edition}; ask your division of the insurer.",
        )
    return sentences_of(edition, code, field or "*")
