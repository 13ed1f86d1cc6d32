"""What must be on record, counted anew from the bytes that came, and held against what is."""

from __future__ import annotations

from collections import Counter

from nhicard.formats import read
from nhicard.insurer.intake.models import DayCount, Finding, Order, Payload, State, Submission, Visit, VisitState
from nhicard.insurer.intake.services import receiving, results

_KEY = ("A12", "A14", "A17")  # these uploads have one category and data type


def require_each_checked_once(aside: int = 0) -> None:
    """Every submission has one result, which its payload bears out; every claimed record is in force once.

    ``aside``: how many were set aside; they leave nothing but their payloads.
    """
    everything = list(Submission.objects.order_by("id"))
    assert Payload.objects.count() == len(everything) == len({each.receipt for each in everything})
    submissions = [each for each in everything if each.state == State.CHECKED]
    assert Submission.objects.filter(state=State.SET_ASIDE).count() == aside == len(everything) - len(submissions)
    keys: set[tuple[str, ...]] = set()
    for submission in submissions:
        keys |= _require_as_sent(submission)
    standing = Visit.objects.filter(state=VisitState.ACCEPTED)
    in_force = Counter(standing.values_list("patient_id", "institution", "visit_time"))
    assert (set(in_force) - keys, keys - set(in_force), set(in_force.values())) == (set(), set(), {1})
    assert sum(DayCount.objects.values_list("accepted10", flat=True)) == len(keys)
    known = {each.pk for each in submissions}
    for rows in (Visit, Order, Finding):
        assert set(rows.objects.values_list("submission_id", flat=True)) <= known


def _require_as_sent(submission: Submission) -> set[tuple[str, ...]]:
    """The rows of one submission are its records, orders and findings; keys of its records without error."""
    sent = read(receiving.content_of(submission))
    numbers = sent.visits["record"].to_list()
    visits = dict(Visit.objects.filter(submission=submission).values_list("record", "state"))
    assert Visit.objects.filter(submission=submission).count() == len(numbers)
    assert sorted(visits) == numbers
    good = {number for number, state in visits.items() if state == VisitState.ACCEPTED}
    orders = list(sent.orders.select("record", "order").rows())
    of_good = sorted(row for row in orders if row[0] in good)
    assert sorted(Order.objects.filter(submission=submission).values_list("record", "order")) == of_good
    found = Counter(
        Finding.objects.filter(submission=submission).values_list("record", "order", "field", "code", "severity")
    )
    assert set(found.values()) <= {1}
    assert {record for record, *_, severity in found if severity == "reject"} == set(numbers) - good
    counts = (submission.records, submission.orders, submission.accepted, submission.rejected)
    assert counts == (len(numbers), len(orders), len(good), len(numbers) - len(good))
    assert submission.accepted_orders == len(of_good)
    assert results.as_bytes(submission, utf8=True)
    without_error = sent.visits.filter(sent.visits["A31"] != "many")
    return set(without_error.select(_KEY).rows())
