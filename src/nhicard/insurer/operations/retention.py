"""Erasing what has been kept long enough, with proof in the audit log.

Periods are data (``data/retention.toml``, or a file of the operator's). A proof tells counts, the limit and a digest of
what was erased, which whoever still holds a copy (a backup) can compute again, and nothing of a person.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Model, QuerySet

from nhicard.insurer.audit import chain
from nhicard.insurer.intake.models import Finding, Payload, State

_AT_ONCE: Final = 500


class BadPolicies(ValueError):
    """The file of periods cannot be used; the message says why, in both languages."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One period. ``since``: from which moment of a row the days count; ``legal``, ``chosen``: basis and origin."""

    name: str
    zh: str
    en: str
    since: str
    days: int
    legal: str
    chosen: str

    def limit(self, as_of: datetime) -> datetime:
        """What is older than this is erased."""
        return as_of - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Erased:
    """What a run erased under a policy. ``digest``: SHA-256 over the rows' own digests in the order of their ids."""

    policy: Policy
    limit: datetime
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """Rows that a policy is about: those older than a moment, and what tells one row from another without a person."""

    older: Callable[[datetime], QuerySet[Any]]
    digest: Callable[[Any], str]


def _payloads(limit: datetime) -> QuerySet[Any]:
    # what waits for its check, or could not be checked, still needs its bytes
    old = Payload.objects.filter(submission__state=State.CHECKED, submission__received_at__lt=limit)
    return old.select_related("submission").defer("content")


_KINDS: Final[Mapping[str, _Kind]] = {
    "payloads": _Kind(_payloads, lambda row: f"{row.pk} {bytes(row.submission.content_hash).hex()}"),
    "results": _Kind(
        lambda limit: Finding.objects.filter(submission__result_until__lt=limit).defer("value"),
        lambda row: f"{row.pk} {row.submission_id} {row.code}",
    ),
    "sessions": _Kind(
        lambda limit: Session.objects.filter(expire_date__lt=limit), lambda row: _sha256(row.session_key)
    ),
}


def policies(file: Path | None = None) -> list[Policy]:
    """The periods; ``file`` may change ``days`` and ``chosen`` of any. Raises BadPolicies, OSError."""
    own = tomllib.loads(files("nhicard.insurer.operations").joinpath("data/retention.toml").read_text("utf-8"))
    changes = _read(file) if file else {}
    if unknown := changes.keys() - own.keys():
        raise BadPolicies(f"{file}: 沒有這些保存項目 nothing is called {', '.join(sorted(unknown))}")
    made = []
    for name, facts in own.items():
        change = changes.get(name, {})
        if not isinstance(change, dict) or change.keys() - {"days", "chosen"}:
            raise BadPolicies(f"{file}, [{name}]: 只能設定 days 與 chosen only days and chosen can be set")
        policy = Policy(name=name, **(facts | change))
        if not isinstance(policy.days, int) or not 0 <= policy.days < 100 * 365:
            raise BadPolicies(f"{file}, [{name}]: days 必須是天數 days must be a number of days")
        made.append(policy)
    return made


def run(chosen: Iterable[Policy], as_of: datetime, now: datetime) -> list[Erased]:
    """Erase what is older than its period as of a moment, and write a proof for each policy that erased anything.

    ``as_of`` later than ``now`` would erase what is still to be kept. Raises BadPolicies.
    """
    if as_of > now:
        raise BadPolicies("不可晚於現在 --as-of must not be later than now")
    return [_erase(policy, as_of, now) for policy in chosen]


@transaction.atomic
def _erase(policy: Policy, as_of: datetime, now: datetime) -> Erased:
    """All of it and its proof, or nothing."""
    kind, limit = _KINDS[policy.name], policy.limit(as_of)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")  # overwritten, not only unlinked
    told, rows = hashlib.sha256(), 0
    while batch := list(kind.older(limit).order_by("pk")[:_AT_ONCE]):
        for row in batch:
            told.update(f"{kind.digest(row)}\n".encode())
        model: type[Model] = type(batch[0])
        model._default_manager.filter(pk__in=[row.pk for row in batch]).delete()
        rows += len(batch)
    erased = Erased(policy, limit, rows, told.hexdigest())
    if rows:
        facts = {"rows": rows, "older_than": limit.isoformat(), "days": policy.days, "digest": erased.digest}
        chain.record(at=now, actor="retention", action="retention.erased", subject=policy.name, facts=facts)
    return erased


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadPolicies(f"{file}: {error}") from None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
