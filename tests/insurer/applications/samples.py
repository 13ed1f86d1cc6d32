"""A case and a file of every place, for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.applications.files import PDF
from tests.insurer.applications.office import NOW, WRITTEN
from tests.insurer.portal import people
from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.models import Attachment, Case
from nhicard.insurer.applications.services import attachments, cases
from nhicard.insurer.registry.models import Contract


def handed_in(user: User) -> tuple[Case, Attachment]:
    """A case that the user may see, with a file."""
    institution = place_of(user)
    Contract.objects.create(institution=institution, valid_from=NOW.date())
    representative = people.user("representative", institution=institution)
    draft = cases.write(cases.draft(representative, "support", NOW), WRITTEN)
    file = attachments.add(draft, "測試.pdf", PDF, representative, NOW)
    return cases.act(draft.pk, "submit", representative, NOW), file


@sample("applications:case")
def case(user: User) -> dict[str, Any]:
    return {"number": handed_in(user)[0].number}


@sample("applications:act")
def act(user: User) -> dict[str, Any]:
    return case(user) | {"action": "withdraw" if user.is_of_institution else "agree"}


@sample("applications:attachment")
def attachment(user: User) -> dict[str, Any]:
    return {"pk": handed_in(user)[1].pk}
