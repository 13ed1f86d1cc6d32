"""The audit log is only added to, and whoever tampers with it all the same is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from tests.insurer.audit import triggers
from tests.insurer.faults import databases

from nhicard.insurer.audit import chain
from nhicard.insurer.audit.models import Entry, Head, Verification

NOW = datetime(2026, 3, 2, 9, 30, 15)


def add(number: int) -> Entry:
    return chain.record(
        at=NOW, actor=f"clerk{number}", action="record.seen", subject=f"record {number}", facts={"數": number}
    )


@pytest.fixture
def ten(db: None) -> None:
    for number in range(1, 11):
        add(number)


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_untouched_chain_is_whole(ten: None) -> None:
    walked = chain.walk()
    assert (walked.number, walked.broken) == (10, None)
    assert walked.seal == Entry.objects.get(number=10).seal


def test_an_empty_chain_is_whole(db: None) -> None:
    assert chain.walk().broken is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'nobody' WHERE number = 3",
        "DELETE FROM audit_entry WHERE number = 3",
        "DELETE FROM audit_entry",
    ],
)
def test_the_database_refuses_to_change_or_delete(ten: None, statement: str) -> None:
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        sql(statement)
    assert (Entry.objects.count(), chain.walk().broken) == (10, None)


def test_postgresql_refuses_to_truncate(ten: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has TRUNCATE")
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        sql("TRUNCATE audit_entry")


def _forged() -> None:
    for each in Entry.objects.filter(number__gte=5).order_by("-number"):
        Entry.objects.filter(pk=each.pk).update(number=each.number + 1)
    made_up = Entry(number=5, at=NOW, actor="x", action="case.agreed", subject="case 1")
    made_up.seal = chain.seal(Entry.objects.get(number=4).seal, made_up)
    made_up.save()
    Head.objects.update(number=11)


def _swapped() -> None:
    for number, place in ((4, 0), (5, 4), (0, 5)):
        Entry.objects.filter(number=number).update(number=place)


def _cut(upto: int) -> None:
    Entry.objects.filter(number__gt=upto).delete()


def _rewritten() -> None:
    """The whole chain from 4 on made anew, seals and head too: in itself it is whole."""
    before = Entry.objects.get(number=3).seal
    for entry in Entry.objects.filter(number__gt=3).order_by("number"):
        entry.actor = "somebody else"
        before = entry.seal = chain.seal(before, entry)
        entry.save()
    Head.objects.update(seal=before)


def _cut_with_head() -> None:
    _cut(7)
    Head.objects.update(number=7, seal=Entry.objects.get(number=7).seal)


#: What was done, and the number at which it is found.
TAMPERING: dict[str, tuple[Callable[[], Any], int]] = {
    "actor changed": (lambda: Entry.objects.filter(number=3).update(actor="nobody"), 3),
    "role changed": (lambda: Entry.objects.filter(number=3).update(role="auditor"), 3),
    "moment changed": (lambda: Entry.objects.filter(number=3).update(at=datetime(2026, 3, 2, 9, 30, 16)), 3),
    "action changed": (lambda: Entry.objects.filter(number=3).update(action="x"), 3),
    "subject changed": (lambda: Entry.objects.filter(number=3).update(subject="x"), 3),
    "institution changed": (lambda: Entry.objects.filter(number=3).update(institution="x"), 3),
    "facts changed": (lambda: Entry.objects.filter(number=3).update(facts={"數": "3"}), 3),
    "seal changed": (lambda: Entry.objects.filter(number=3).update(seal="0" * 64), 3),
    "first deleted": (lambda: Entry.objects.filter(number=1).delete(), 1),
    "middle deleted": (lambda: Entry.objects.filter(number=5).delete(), 5),
    "last deleted": (lambda: Entry.objects.filter(number=10).delete(), 10),
    "tail cut": (lambda: _cut(7), 8),
    "all deleted": (lambda: _cut(0), 1),
    "inserted": (_forged, 6),
    "swapped": (_swapped, 4),
    "appended past the head": (
        lambda: Entry.objects.create(number=11, at=NOW, actor="x", action="x", subject="x", seal="0" * 64),
        11,
    ),
    "head set back": (lambda: Head.objects.update(number=9), 9),
    "head lost": (lambda: Head.objects.all().delete(), 11),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_past_the_triggers_is_found(ten: None, how: str) -> None:
    tamper, found_at = TAMPERING[how]
    with triggers.off():
        tamper()
    assert chain.walk().broken == found_at


@pytest.mark.parametrize(("tamper", "found_at"), [(_rewritten, 6), (_cut_with_head, 8)])
def test_a_chain_made_anew_does_not_meet_what_was_seen_before(
    ten: None, tamper: Callable[[], Any], found_at: int
) -> None:
    # given seals noted earlier, one by the verifier itself
    noted = {6: Entry.objects.get(number=6).seal}
    assert chain.verify(NOW).broken is None
    # when all that stands in the chain is made to fit
    with triggers.off():
        tamper()
    assert chain.walk().broken is None
    # then the seals from before do not
    assert chain.walk(noted if tamper is _rewritten else {10: "f" * 64}).broken == found_at
    assert chain.verify(NOW).broken in (found_at, 10)
    assert Verification.objects.order_by("-pk")[0].broken is not None


def test_what_is_not_done_is_not_audited(ten: None) -> None:
    def break_off() -> None:
        with transaction.atomic():
            add(11)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert (Entry.objects.count(), chain.walk().broken) == (10, None)


WRITERS = 4
EACH = 10


@pytest.fixture
def writers(insurer_home: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[ThreadPoolExecutor]:
    """Threads whose connections go to a database with the settings of production."""
    with django_db_blocker.unblock(), databases.threads(insurer_home, WRITERS) as pool:
        yield pool


def test_writers_at_once_make_one_chain(writers: ThreadPoolExecutor) -> None:
    start = Barrier(WRITERS)

    def write(writer: int) -> None:
        start.wait(10)
        for number in range(EACH):
            add(writer * 100 + number)

    for written in [writers.submit(write, writer) for writer in range(WRITERS)]:
        written.result(60)
    numbers = writers.submit(lambda: sorted(Entry.objects.values_list("number", flat=True))).result()
    assert numbers == list(range(1, WRITERS * EACH + 1))
    assert writers.submit(chain.walk).result().broken is None
