"""The yearly production: documents of every owner whose institution was paid, a new version only where they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Max, Q

from nhicard.formats import rocdate
from nhicard.insurer.audit import chain
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.registry.state import lock
from nhicard.insurer.reminders.services import Text, remind
from nhicard.insurer.taxes.models import Document, Owner, Payment, Production
from nhicard.insurer.taxes.services import current
from nhicard.insurer.taxes.services.figures import digest, figures
from nhicard.insurer.taxes.tables import DocumentKind, documents

JOB: Final = "nhicard taxes produce"
#: The last day, in the following year, by which documents are produced: 四月底.
DUE: Final = (4, 30)
_AT_ONCE: Final = 500


class CannotProduce(Exception):
    """``name``: text ``taxes.cannot.<name>``; nothing was written."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Person(NamedTuple):
    """An owner as documents name them."""

    id_no: str
    name: str


class Place(NamedTuple):
    """An institution as documents name it."""

    pk: int
    code: str
    name: str


@dataclass(slots=True)
class Produced:
    """What a run did. ``ownerless``: codes of institutions paid on a day for which no owner is on record."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    ownerless: list[str] = field(default_factory=list)


def due_on(year: int) -> date:
    """The last day for the documents of a ROC year."""
    return date(year + rocdate.YEAR_BEFORE_FIRST + 1, *DUE)


@transaction.atomic
def produce(year: int, as_of: date, now: datetime, actor: str = JOB) -> Produced:
    """Documents of a ROC year from what was loaded by the end of ``as_of``; again gives the same and adds nothing.

    Raises CannotProduce: ``not_over`` before the year has ended, ``future``, ``earlier`` where a later day is produced.
    """
    if as_of <= _days(year)[1]:
        raise CannotProduce("not_over")
    if as_of > now.date():
        raise CannotProduce("future")
    lock()  # one run at a time
    last = Production.objects.filter(year=year).aggregate(last=Max("as_of"))["last"]
    if last and as_of < last:
        raise CannotProduce("earlier")
    made = Produced()
    new: list[Document] = []
    for place, owner, payments in _owned(year, as_of, made):
        new += _documents(place, owner, payments, year, made)
    if new:
        production = Production(year=year, as_of=as_of, made_at=now, made_by=actor)
        production.save()
        for document in new:
            document.production = production
        Document.objects.bulk_create(new, batch_size=_AT_ONCE)
        facts = {"year": year, "as_of": as_of.isoformat(), "new": made.new, "changed": made.changed}
        subject = f"taxes production {production.pk}"
        chain.record(at=now, actor=actor, action="taxes.produced", subject=subject, facts=facts)
        _tell(new, year, now)
    return made


def _days(year: int) -> tuple[date, date]:
    western = year + rocdate.YEAR_BEFORE_FIRST
    return date(western, 1, 1), date(western, 12, 31)


def _owned(year: int, as_of: date, made: Produced) -> Iterator[tuple[Place, Person, list[Payment]]]:
    """Payments that a document of the year needs, by institution and owner of the day of payment."""
    days = _days(year)
    found = current.payments(as_of).filter(Q(paid_on__range=days) | Q(fee_month__range=days))
    touched = set(found.order_by().values_list("institution", flat=True))
    # what was produced before and has no payment of the year any more becomes a version without rows
    touched |= set(Document.objects.filter(year=year).order_by().values_list("institution", flat=True))
    for part in _parts(sorted(touched)):
        places = {each.pk: each for each in Institution.objects.filter(pk__in=part)}
        owners, paid = defaultdict(list), defaultdict(list)
        for owner in current.owners(as_of).filter(institution__in=part):
            owners[owner.institution_id].append(owner)
        for payment in found.filter(institution__in=part).order_by("fee_month", "kind", "number"):
            paid[payment.institution_id].append(payment)
        before: dict[int, dict[str, Person]] = defaultdict(dict)
        documented = Document.objects.filter(year=year, institution__in=part).order_by("version")
        for pk, id_no, name in documented.values_list("institution", "owner_id_no", "owner_name"):
            before[pk][id_no] = Person(id_no, name)
        for pk in part:
            place = Place(pk, places[pk].code, places[pk].name)
            yield from _by_owner(place, owners[pk], paid[pk], before[pk], made)


def _by_owner(
    place: Place, owners: Sequence[Owner], paid: Sequence[Payment], before: dict[str, Person], made: Produced
) -> Iterator[tuple[Place, Person, list[Payment]]]:
    """``before``: who has documents already; of whom no payment is any more gets a version without rows."""
    by_person: dict[str, list[Payment]] = {id_no: [] for id_no in before}
    persons = dict(before)
    for payment in paid:
        owner = owner_on(owners, payment.paid_on)
        if owner is None:
            made.ownerless.append(place.code)
            return
        persons[owner.id_no] = Person(owner.id_no, owner.name)
        by_person.setdefault(owner.id_no, []).append(payment)
    for id_no, payments in by_person.items():
        yield place, persons[id_no], payments


def owner_on(owners: Iterable[Owner], day: date) -> Owner | None:
    """Who was responsible on the day."""
    holds = (
        each for each in owners if each.valid_from <= day and (each.valid_until is None or each.valid_until >= day)
    )
    return next(holds, None)


def _documents(
    place: Place, owner: Person, payments: Sequence[Payment], year: int, made: Produced
) -> Iterator[Document]:
    last = {
        each.kind: each
        for each in Document.objects.filter(institution=place.pk, owner_id_no=owner.id_no, year=year).order_by(
            "version"
        )
    }
    for kind in documents().values():
        document = _document(place, owner, payments, year, kind)
        before = last.get(kind.code)
        if before is None and not document.figures["rows"]:
            continue
        if before and before.digest == document.digest:
            made.unchanged += 1
            continue
        document.version = before.version + 1 if before else 1
        made.changed += bool(before)
        made.new += before is None
        yield document


def _document(place: Place, owner: Person, payments: Sequence[Payment], year: int, kind: DocumentKind) -> Document:
    told = figures(payments, kind, year)
    return Document(
        institution_id=place.pk,
        institution_name=place.name,
        owner_id_no=owner.id_no,
        owner_name=owner.name,
        year=year,
        kind=kind.code,
        figures=told,
        digest=digest((place.code, place.name, owner.id_no, owner.name, kind.code), told),
    )


def _tell(new: Sequence[Document], year: int, now: datetime) -> None:
    """Remind the institutions, once for each version; nothing in it is personal."""
    codes = dict(Institution.objects.filter(pk__in={each.institution_id for each in new}).values_list("pk", "code"))
    by_version: dict[int, set[str]] = defaultdict(set)
    for document in new:
        by_version[document.version].add(codes[document.institution_id])
    for version, told in sorted(by_version.items()):
        what = ("已可下載", "are ready") if version == 1 else ("有更正", "were corrected")
        title = Text(f"{year} 年度扣繳憑單與分列項目表{what[0]}", f"Tax documents of ROC year {year} {what[1]}")
        body = Text(
            "請負責人以憑證（醫事人員卡或安全模組卡）登入入口網站，於「報稅文件」下載。",
            "The responsible person may download them on the portal, signed in with a card.",
        )
        remind("taxes", sorted(told), title, body, now, f"taxes-{year}-{version}", "/portal/taxes/")


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))
