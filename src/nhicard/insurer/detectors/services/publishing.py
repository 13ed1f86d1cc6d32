"""Case texts for all: written from a finding that was upheld, without anything that tells whose it is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import transaction

from nhicard.formats import rocdate
from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement, Section
from nhicard.insurer.announcements.services.publishing import Draft, publish
from nhicard.insurer.audit import chain
from nhicard.insurer.detectors.detector import detectors
from nhicard.insurer.detectors.models import Finding, State, Step
from nhicard.insurer.detectors.presenters import amounts
from nhicard.insurer.portal.texts import texts
from nhicard.insurer.registry.models import Institution, StaffMember

#: National IDs, institution codes and visit identifiers, wherever they stand.
_CODES: Final = re.compile(r"[A-Za-z][A-Da-d0-9]\d{8}|\d{10}|[0-9A-Z]{20}")
_KIND: Final = {"clinic": "某診所", "pharmacy": "某藥局", "hospital": "某醫院"}


class Tells(ValueError):
    """The text tells whose case it is; ``args[0]``: the name of the text that says by what."""


def draft(finding: Finding) -> tuple[str, str]:
    """Title and body to begin with, in Chinese as all announcements are: no name, no code, no day."""
    of = detectors()[finding.detector]
    place = Institution.objects.filter(code=finding.institution).first()
    who = _KIND.get(place.kind if place else "", "某院所")
    sentence = texts()[f"detectors.finding.{finding.detector}"][0].format(**amounts(finding))
    paragraphs = (
        f"{who}經比對就醫上傳與申報資料，發現：{sentence}",
        f"說明：{of.about_zh}",
        "請各院所檢視有無類似情形；如有，請儘速更正上傳與申報資料。",
    )
    return f"違規案例分析：{of.title_zh}", "\n\n".join(paragraphs)


def check(finding: Finding, *told: str) -> None:
    """Raises Tells where a text names the institution, a person, a code or the day."""
    everything = "\n".join(told)
    if _CODES.search(everything):
        raise Tells("detectors.tells.code")
    place = Institution.objects.filter(code=finding.institution).first()
    names = {place.name, place.short_name} if place else set()
    if any(name and name in everything for name in names):
        raise Tells("detectors.tells.institution")
    people = set(finding.evidence.values_list("physician", flat=True)) | {finding.physician}
    staff = StaffMember.objects.filter(id_no__in=people).values_list("name", flat=True)
    if any(name and name in everything for name in staff):
        raise Tells("detectors.tells.person")
    day = rocdate.format_date(finding.day)
    year, month, number = int(day[:3]), int(day[3:5]), int(day[5:])
    parts = rf"{year}\D{{1,2}}0?{month}\D{{1,2}}0?{number}(?!\d)"
    if day in everything or finding.day.isoformat() in everything or re.search(parts, everything):
        raise Tells("detectors.tells.day")


@transaction.atomic
def publish_case(finding: Finding, title: str, body: str, author: User, now: datetime) -> Announcement:
    """Publish the text in 特約專區. Raises Tells, and PermissionDenied for what was not upheld or is published."""
    found = Finding.objects.select_for_update().get(pk=finding.pk)
    if found.state != State.UPHELD or found.announcement_id is not None:
        raise PermissionDenied
    check(found, title, body)
    made = publish(Draft(section=Section.CONTRACTED, title=title, body=body), author, now)
    found.announcement = made
    found.save(update_fields=["announcement"])
    Step.objects.create(finding=found, at=now, actor=author.username, name="published")
    chain.record(
        at=now,
        actor=author.username,
        role=author.role,
        action="detectors.published",
        subject=f"finding {found.pk}",
        institution=found.institution,
        facts={"announcement": made.pk},
    )
    return made
