"""Every access to a prescription goes into the audit log, within its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nhicard.insurer.audit import chain
from nhicard.insurer.eprescriptions.services.tokens import Caller


def record(caller: Caller, action: str, subject: str, now: datetime, facts: Mapping[str, Any] | None = None) -> None:
    """An entry of the caller. ``subject``: the document's id, never what it says."""
    chain.record(
        at=now,
        actor=caller.actor,
        role=caller.role,
        action=f"e-prescription.{action}",
        subject=f"e-prescription {subject}".strip(),
        institution=caller.institution.code,
        facts={"client": caller.client.client_id, **(facts or {})},
    )
