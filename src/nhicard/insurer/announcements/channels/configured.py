"""The ways that this insurer has set up, by its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from nhicard.insurer.announcements.channels.channel import Channel

if TYPE_CHECKING:
    from nhicard.insurer.announcements.channels.line_audiences import LineAudiences


def configured() -> list[Channel]:
    """None where neither LINE nor e-mail is set up."""
    found: list[Channel] = []
    if settings.LINE_TOKEN:
        from nhicard.insurer.announcements.channels.line import LineChannel  # the SDK is loaded only where it serves
        from nhicard.insurer.announcements.channels.line_api import Account

        found.append(LineChannel(Account(settings.LINE_TOKEN, settings.LINE_HOST)))
    if settings.EMAIL_SENDER:
        from nhicard.insurer.announcements.channels.email import EmailChannel

        found.append(EmailChannel(settings.EMAIL_SENDER))
    return found


def has_line() -> bool:
    """Whether the LINE account is set up; asks without loading the SDK, which takes a second."""
    return bool(settings.LINE_TOKEN)


def line_audiences() -> LineAudiences | None:
    """The account's groups; None where LINE is not set up."""
    if not has_line():
        return None
    from nhicard.insurer.announcements.channels.line_api import Account
    from nhicard.insurer.announcements.channels.line_audiences import LineAudiences

    return LineAudiences(Account(settings.LINE_TOKEN, settings.LINE_HOST))
