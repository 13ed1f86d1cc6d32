"""``nhicard serve``: the insurer's services."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console


def run(home: Path | None, host: str, port: int, workers: int, *, test_cards: bool) -> None:
    """Set the services up and serve them until they are stopped."""
    if home:
        os.environ["NHICARD_INSURER_HOME"] = str(home.resolve())
    if test_cards:
        os.environ["NHICARD_TEST_CARDS"] = "1"
    if host not in ("localhost", "127.0.0.1", "::1"):
        allowed = os.environ.get("NHICARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
        os.environ["NHICARD_ALLOWED_HOSTS"] = f"{allowed},{host}"
    from nhicard.insurer import serving

    made_keys = serving.set_up()
    from django.conf import settings

    console = Console(stderr=True)
    if made_keys:
        console.print(f"已建立金鑰 Keys made: {settings.HOME / 'keys'}（請備份 back them up）")
    console.print(f"服務位址 Serving: https://{host}:{port}  資料夾 folder: {settings.HOME}")
    serving.serve(host, port, workers)
