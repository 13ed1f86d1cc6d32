"""``nhicard deliver``: announcements by LINE and e-mail."""

from __future__ import annotations

import typer

from nhicard.cli.insurer import Home, ready


def deliver(home: Home = None) -> None:
    """Send what announcements have to say outside the portal, once through; let a timer call it every minute.

    傳送公告的 LINE 與電子郵件；由排程每分鐘執行一次。
    """
    ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.announcements.channels import configured
    from nhicard.insurer.announcements.services import delivering

    channels = configured()
    if not channels:
        typer.echo("沒有設定傳送管道 no way is set up: NHICARD_LINE_TOKEN, NHICARD_EMAIL_SENDER", err=True)
        raise typer.Exit(2)
    counts = delivering.deliver(channels, clock.now())
    typer.echo("  ".join(f"{name}: {count}" for name, count in counts.items()))
    if counts["failed"]:
        raise typer.Exit(1)
