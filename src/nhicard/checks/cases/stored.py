"""What the insurer holds in a case: its keys ``stored``, ``refills``, ``standing``, ``precheck`` and ``sender``.

``stored`` is a list of base records with changes, each with a ``state`` (accepted), an ``edition`` and ``precheck``
(those of the case). ``refills`` tells of each prescription (``of`` its identifier) what its refills ``are``, from
number 1: ``open``, ``cancelled``, or the institution that dispensed it, with the identifier of its record behind a
slash if that matters. ``standing`` has rows of ``STANDING``; without it every institution may upload 2.0 for real.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from nhicard.checks.history import FIELDS, ORDERS, REFILLS, STANDING, STORED, MemoryHistory
from nhicard.formats.tables import Edition

KEYS: Final = frozenset({"stored", "refills", "standing", "precheck", "sender"})
_INSTITUTIONS: Final = ("3501200000", "5901010010", "1101010012")
_ALWAYS: Final = datetime(2020, 1, 1)

Record = tuple[dict[str, str], list[dict[str, str]]]
MakeRecord = Callable[[Edition, Mapping[str, str]], Record]


def history(edition: Edition, scene: Mapping[str, Any], record_of: MakeRecord) -> MemoryHistory | None:
    """The history of a case; None where nothing is said of what is stored. ``record_of`` makes a stored record."""
    if not scene:
        return None
    is_precheck = scene.get("precheck", "false")
    visits, orders = [], []
    for visit, entry in enumerate(scene.get("stored") or (), 1):
        of = entry.get("edition", edition)
        record = record_of(of, entry)
        sort = entry.get("precheck", is_precheck) == "true"
        state = entry.get("state", "accepted")
        visits.append({"visit": visit, "edition": of, "is_precheck": sort, "state": state, **_texts(of, record)})
        orders += [{"visit": visit, "code": order.get("D06", order.get("A73", "")), **order} for order in record[1]]
    return MemoryHistory(
        _frame(visits, STORED),
        _frame(orders, ORDERS),
        _frame([row for entry in scene.get("refills") or () for row in _refills(entry, is_precheck)], REFILLS),
        _frame(_standing(scene), STANDING),
    )


def told(scene: Mapping[str, Any]) -> str:
    """In words for a page: what is stored; empty where nothing is said."""
    stored = [" ".join(filter(None, (each["base"], each.get("changes")))) for each in scene.get("stored") or ()]
    refills = [f"{each['of']}: {each['are']}" for each in scene.get("refills") or ()]
    standing = [" ".join(f"{name}={value}" for name, value in each.items()) for each in scene.get("standing") or ()]
    facts = {
        "已收載 stored": stored,
        "聯次 refills": refills,
        "院所 standing": standing,
        "上傳 IP sender": [scene["sender"]] if "sender" in scene else [],
    }
    return "；".join(f"{name}: {', '.join(each)}" for name, each in facts.items() if each)


def _texts(edition: Edition, record: Record) -> dict[str, str]:
    visit, orders = record
    texts = {name: visit.get(field, "") for name, field in FIELDS[edition].items()}
    if edition == "1.0" and texts["data_type"] == "2":  # vaccination data of 1.0 has them in its orders
        texts |= {"visit_time": orders[0]["A62"], "institution": orders[0]["A63"]}
    return dict.fromkeys(FIELDS["2.0"], "") | texts


def _refills(entry: Mapping[str, str], is_precheck: str) -> list[dict[str, Any]]:
    rows = []
    for number, state in enumerate(entry["are"].split(), 1):
        taken = None if state in ("open", "cancelled") else state
        by, _, identifier = (taken or "").partition("/")
        rows.append(
            {
                "identifier": entry["of"],
                "is_precheck": entry.get("precheck", is_precheck) == "true",
                "institution": entry.get("institution", _INSTITUTIONS[0]),
                "patient_id": entry.get("patient_id", "A123456789"),
                "list_kind": entry.get("kind", "C"),
                "number": number,
                "dispensed_by": by or None,
                "dispensed_identifier": (identifier or f"DISPENSED{number}") if taken else None,
                "cancelled": state == "cancelled",
            }
        )
    return rows


def _standing(scene: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "standing" not in scene:
        return [{"institution": each, "qualified_at": _ALWAYS, "addresses": []} for each in _INSTITUTIONS]
    times = ("qualified_at", "switched_at")
    return [
        {**entry, **{name: datetime.fromisoformat(entry[name]) for name in times if name in entry}}
        for entry in scene["standing"]
    ]


def _frame(rows: list[dict[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Texts that a row lacks are empty; other values it lacks are null."""
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema))
    texts = [name for name in ("code", "E01", "E02", "E03", "E04") if name in schema]
    return frame.with_columns(pl.col(texts).fill_null("")) if texts else frame
