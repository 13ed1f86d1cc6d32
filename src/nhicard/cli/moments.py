"""Moments as the command line takes them."""

from __future__ import annotations

from datetime import datetime

import typer

from nhicard.formats.rocdate import TAIPEI


def moment(text: str | None, option: str | None = None) -> datetime | None:
    """Naive Taipei time from ISO 8601; None for None. Raises BadParameter, naming the option."""
    if text is None:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} 不是時間 is not a date or time such as 2023-10-23 or 2023-10-23T12:00", param_hint=option
        ) from None
    return told.astimezone(TAIPEI).replace(tzinfo=None) if told.tzinfo else told
