"""What the pages show of tax documents; IDs and names of owners masked on lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import translation

from nhicard.insurer.monitoring.services.personal import masked_ids
from nhicard.insurer.portal.texts import text
from nhicard.insurer.taxes.models import Document, Fetch, Production
from nhicard.insurer.taxes.services.paper import Delivery
from nhicard.insurer.taxes.services.rendering import slashed
from nhicard.insurer.taxes.tables import documents


@dataclass(frozen=True, slots=True)
class Own:
    """A document of the owner's own."""

    number: int
    title: str
    version: str
    as_of: str
    made: str
    total: str
    fetched: str


@dataclass(frozen=True, slots=True)
class Row:
    """An owner on the insurer's list."""

    institution: str
    name: str
    owner: str
    owner_id: str
    documents: str
    fetched: str
    paper: str
    has_address: bool


def title(kind: str) -> str:
    """The document's name in the language of the request."""
    told = documents()[kind]
    return told.en if (translation.get_language() or "").startswith("en") else told.zh


def own(found: Iterable[Document]) -> dict[int, list[Own]]:
    """A user's own documents by year, the newest year first."""
    order = list(documents())
    rows = sorted(found, key=lambda each: (-each.year, order.index(each.kind)))
    by_year: dict[int, list[Own]] = {}
    for each in rows:
        last = each.fetches.order_by("-at").first()
        by_year.setdefault(each.year, []).append(
            Own(
                each.pk,
                title(each.kind),
                text("taxes.version", version=each.version) if each.version > 1 else text("taxes.version.first"),
                slashed(each.production.as_of),
                slashed(each.production.made_at.date()),
                _total(each),
                _moment(last.at) if last else text("taxes.fetched.never"),
            )
        )
    return by_year


def _total(document: Document) -> str:
    name = "paid" if document.kind == "withholding" else "claimed"
    return text(f"taxes.total.{name}", amount=f"{document.figures['total'][name]:,}")


def rows(found: Sequence[Delivery]) -> list[Row]:
    """Owners as the insurer sees them."""
    ids = masked_ids([each.owner_id_no for each in found])
    pks = [one.pk for each in found for one in each.documents]
    fetched = set(Fetch.objects.filter(document__in=pks).values_list("document", flat=True))
    return [
        Row(
            each.institution.code,
            each.institution.short_name,
            masked_name(each.owner_name),
            masked,
            text("taxes.documents", count=len(each.documents), version=max(one.version for one in each.documents)),
            text("taxes.fetched.of", count=sum(one.pk in fetched for one in each.documents), of=len(each.documents)),
            "、".join(text(f"taxes.paper.{reason}") for reason in each.reasons)
            if not is_english()
            else ", ".join(text(f"taxes.paper.{reason}") for reason in each.reasons),
            each.owner is not None,
        )
        for each, masked in zip(found, ids, strict=True)
    ]


def masked_name(name: str) -> str:
    """The first character, and a circle for each other."""
    return name[:1] + "○" * (len(name) - 1)


def is_english() -> bool:
    """Whether the request is answered in English."""
    return (translation.get_language() or "").startswith("en")


def produced(production: Production | None) -> dict[str, str] | None:
    """When the documents were last produced, and as of which day."""
    return {"as_of": slashed(production.as_of), "at": _moment(production.made_at)} if production else None


def due(year: int, last: date, today: date) -> dict[str, Any]:
    """How the year stands against the end of April; ``late`` once that is over."""
    days = (last - today).days
    told = text("taxes.due.left", days=days) if days >= 0 else text("taxes.due.over", days=-days)
    return {"year": year, "day": slashed(last), "told": told, "late": days < 0}


def _moment(at: datetime) -> str:
    return f"{slashed(at.date())} {at:%H:%M}"
