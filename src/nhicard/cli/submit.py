"""``nhicard submit``: one file to the insurer, and its result as the insurer gives it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from nhicard.institution.insurer import Insurer

_PAUSE: Final = 1.0


def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Upload file, 1.0 or 2.0.")],
    kind: Annotated[str, typer.Option(help="A1 2.0 for real, A2 2.0 pre-check, B1 1.0 for real, B2 1.0 pre-check.")],
    insurer_url: Annotated[
        str, typer.Option("--insurer", envvar="NHICARD_DATACENTRE", help="Base URL of the insurer.")
    ],
    insurer_ca: Annotated[
        Path | None, typer.Option(envvar="NHICARD_DATACENTRE_CA", help="Certificate file to trust for it.")
    ] = None,
    via: Annotated[str, typer.Option(help="web (Web API) or vpn.")] = "web",
    reader_url: Annotated[
        str, typer.Option("--reader", help="The control software that signs.")
    ] = "https://localhost:5066",
    reader_ca: Annotated[Path | None, typer.Option(help="Its certificate, if this machine does not trust it.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the result; 0: only the receipt.")] = 300,
) -> None:
    """Send a file to the insurer and print its result, as the insurer gives it.

    上傳一個檔案並顯示健保署的檢核結果。控制軟體須已初始化並驗證安全模組。
    """
    # loaded only here: other commands must start fast
    from nhicard.institution.insurer import Insurer, NotReady, Refused, Unreachable
    from nhicard.institution.results import UnusableResult
    from nhicard.reader.client import Reader, StatusError, UnusableAnswer

    if via not in ("web", "vpn"):
        raise typer.BadParameter("web or vpn", param_hint="--via")
    try:
        with (
            Reader(insurer_url, reader_url, reader_ca=reader_ca, centre_ca=insurer_ca) as signer,
            Insurer(insurer_url, signer.upload_signature, ca=insurer_ca) as insurer,
        ):
            receipt = insurer.upload(file.read_bytes(), kind, via)
            typer.echo(f"收據 Receipt: {receipt}")
            if wait:
                typer.echo(_result(insurer, receipt, kind, via, time.monotonic() + wait))
    except NotReady:
        typer.echo("nhicard: 還沒有結果，請稍後再取 no result yet; ask later", err=True)
        raise typer.Exit(2) from None
    except (Unreachable, Refused, StatusError, UnusableAnswer, UnusableResult) as error:
        typer.echo(f"nhicard: {error or type(error).__name__}", err=True)
        raise typer.Exit(2) from None


def _result(insurer: Insurer, receipt: str, kind: str, via: str, deadline: float) -> str:
    """The result's text, empty where nothing is to be said of any record. Raises NotReady after the deadline."""
    from nhicard.institution.insurer import NotReady
    from nhicard.institution.results.archive import members

    while True:
        try:
            content = insurer.result(receipt, kind, via).content
            break
        except NotReady:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
    return "\n".join(_text(member.data) for member in members(content)) if content else ""


def _text(data: bytes) -> str:
    from nhicard.formats import encoding

    return data.decode("utf-8") if encoding.guess(data) != "big5" else encoding.decode_marking(data)[0]
