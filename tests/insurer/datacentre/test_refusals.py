"""Every status code that the data centre can give: reachable, explained in both languages, and without effect."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from tests.insurer.datacentre.calls import flipped, tap
from tests.insurer.datacentre.refusals import SPENT, UNSPENT, Refusal
from tests.insurer.datacentre.worlds import without_identifier
from tests.insurer.desk import Desk

from nhicard.formats.status_codes import status_codes
from nhicard.insurer import datacentre
from nhicard.insurer.datacentre.models import Treatment, UsedOnce
from nhicard.insurer.registry.models import InsuranceStatus

WARNINGS = {5010, 5174}


@pytest.mark.parametrize("refusal", UNSPENT + SPENT, ids=lambda refusal: f"{refusal.code}-{refusal.why}")
def test_a_refusal_says_why_and_changes_nothing(desk: Desk, refusal: Refusal) -> None:
    desk = refusal.world(desk) or desk
    path, body = refusal.call(desk)
    before, spent = _everything(), UsedOnce.objects.count()
    reply = desk.post(path, body)  # asserts that every key of the path's reply is there
    assert reply.pop("statusCode") == refusal.code, reply
    message = reply.pop("message")
    assert message.startswith(status_codes()[refusal.code].meaning_zh)
    assert status_codes()[refusal.code].meaning_en in message
    assert not any(reply.values()), "who is refused learns the reason only"
    assert _everything() == before
    assert UsedOnce.objects.count() - spent == (refusal in SPENT)


def test_a_second_visit_on_a_day_is_a_warning_with_the_full_reply(desk: Desk) -> None:
    desk.tap()
    desk.later(hours=1)
    reply = desk.tap()
    assert reply.pop("statusCode") == 5010
    assert reply.pop("message") == ""
    assert all(reply.values()), "all the keys say something"
    assert reply["isSameDay"] is True


def test_a_sequence_number_is_good_without_an_identifier(desk: Desk) -> None:
    reply = without_identifier(desk).tap()
    assert (reply["statusCode"], reply["sequenceNumber"], reply["treatmentNumber"]) == (5174, "0001", "")
    assert len(reply["signature"]) == 128
    assert Treatment.objects.get().sequence_number == "0001"


def test_who_tampers_does_not_use_up_another_ones_signature(desk: Desk) -> None:
    path, body = tap()(desk)
    assert isinstance(body, dict)
    for spoilt in (flipped(body["signature"]), "", "?"):
        assert desk.post(path, body | {"signature": spoilt})["statusCode"] == 3100
    assert desk.post(path, body | {"hospitalId": "3501200019"})["statusCode"] == 3100
    assert desk.post(path, body)["statusCode"] == 0


def test_the_table_holds_exactly_the_codes_that_the_source_can_give() -> None:
    """Whole numbers in the source that are status codes, and the insurance statuses, which are codes themselves."""
    given = {status.value for status in InsuranceStatus if status}
    for module in Path(datacentre.__path__[0]).rglob("*.py"):
        if "migrations" not in module.parts and module.name != "policy.py":  # its numbers are quantities
            given |= _numbers(module) & set(status_codes()) - {0, -1}
    tested = {refusal.code for refusal in UNSPENT + SPENT} | WARNINGS
    assert tested - given == set(), "the table has a row for a code that nothing gives"
    assert given - tested == set(), "a code that no row of the table shows to be reachable"


def _numbers(module: Path) -> set[int]:
    nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
    reckoned = {id(operand) for node in nodes if isinstance(node, ast.BinOp) for operand in (node.left, node.right)}
    constants = (node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in reckoned)
    return {value for value in constants if type(value) is int}


def _everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of the insurer's tables, but for what was used once."""
    models = [model for app in ("registry", "datacentre") for model in apps.get_app_config(app).get_models()]
    return {
        str(model): list(model._default_manager.order_by("pk").values()) for model in models if model is not UsedOnce
    }
