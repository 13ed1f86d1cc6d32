"""The ways that this insurer has set up, by its settings."""

from __future__ import annotations

from django.conf import settings

from nhicard.insurer.announcements.channels.channel import Channel


def configured() -> list[Channel]:
    """None where neither LINE nor e-mail is set up."""
    found: list[Channel] = []
    if settings.LINE_TOKEN:
        from nhicard.insurer.announcements.channels.line import LineChannel  # the SDK is loaded only where it serves

        found.append(LineChannel(settings.LINE_TOKEN, settings.LINE_HOST))
    if settings.EMAIL_SENDER:
        from nhicard.insurer.announcements.channels.email import EmailChannel

        found.append(EmailChannel(settings.EMAIL_SENDER))
    return found
