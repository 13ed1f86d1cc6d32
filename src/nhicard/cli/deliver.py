"""``nhicard deliver``: announcements by LINE and e-mail, reminders by e-mail."""

from __future__ import annotations

from collections import Counter

import typer

from nhicard.cli.insurer import Home, ready


def deliver(home: Home = None) -> None:
    """Send announcements and reminders outside the portal, once through; let a timer call it every minute.

    傳送公告（LINE、電子郵件）與提醒（電子郵件）；由排程每分鐘執行一次。
    """
    ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.announcements.channels import configured
    from nhicard.insurer.announcements.channels.email import EmailChannel
    from nhicard.insurer.announcements.services import delivering
    from nhicard.insurer.reminders.services import mailing

    channels = configured()
    if not channels:
        typer.echo("沒有設定傳送管道 no way is set up: NHICARD_LINE_TOKEN, NHICARD_EMAIL_SENDER", err=True)
        raise typer.Exit(2)
    counts = Counter(delivering.deliver(channels, clock.now()))
    for channel in channels:
        if isinstance(channel, EmailChannel):
            counts.update(mailing.deliver(channel, clock.now()))
    typer.echo("  ".join(f"{name}: {count}" for name, count in counts.items()))
    if counts["failed"]:
        raise typer.Exit(1)
