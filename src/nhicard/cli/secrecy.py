"""``nhicard payload-keys``: the keys that raw payloads are sealed with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="Keys of stored uploads: status, add, rotate. 上傳原檔的加密金鑰。")


@app.command()
def status(home: Home = None) -> None:
    """Say which key seals and how many stored uploads are under it."""
    with _plainly(home):
        from nhicard.insurer.secrecy import payloads, rotation

        counts = rotation.counts()
        ring = payloads.ring()
        typer.echo(
            f"目前金鑰 key in use: {ring.current} / {max(ring.keys)}  "
            f"已用此金鑰加密 under it: {counts['current']:,}  其他 others: {counts['others']:,}"
        )


@app.command()
def add(home: Home = None) -> None:
    """Make a further key that nothing is sealed with yet; copy the file to all machines, then rotate.

    新增一版金鑰，尚不使用；請先將金鑰檔複製到每一台主機，再執行 rotate。
    """
    with _plainly(home):
        from nhicard.insurer.secrecy import payloads, rotation

        typer.echo(f"已新增 added: {rotation.add_key()}  {payloads.path()}（請備份 back it up）")


@app.command()
def rotate(home: Home = None) -> None:
    """Bring all stored uploads under the newest key, or under a new one where they are; may be broken off and repeated.

    將所有上傳原檔改用最新金鑰加密；中斷後再執行一次即可接續，服務不必停止。
    """
    with _plainly(home):
        from nhicard.insurer import clock
        from nhicard.insurer.secrecy import payloads, rotation

        done = rotation.rotate(clock.now())
        typer.echo(
            f"第 {done.version} 版金鑰 key {done.version}: 本次重新加密 re-encrypted now {done.payloads:,}  "
            f"{payloads.path()}（請備份 back it up）"
        )


@contextmanager
def _plainly(home: Home) -> Iterator[None]:
    """Django on the home; what keeps the keys from being used is said in a sentence, exit code 2."""
    ready(home)
    from nhicard.insurer.operations import database
    from nhicard.insurer.secrecy.envelope import Tampered, WrongKey
    from nhicard.insurer.secrecy.ring import BadRing

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)
    try:
        yield
    except (WrongKey, Tampered, BadRing, OSError) as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(2) from None
