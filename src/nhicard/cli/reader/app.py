"""The commands of ``nhicard reader``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nhicard.cli.reader import cards, sam
from nhicard.cli.reader.options import CentreCa, CentreUrl, HomeFolder, home_of, told_plainly
from nhicard.reader.home import PORT

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The control software (讀卡機控制軟體): the local service that a clinic's program calls at the tap.\n\n"
    "讀卡機控制軟體：院所系統在刷卡時呼叫的本機服務，以及模擬卡片與雲端安全模組。",
)
app.add_typer(cards.app, name="card")
app.add_typer(sam.app, name="sam")
certificate = typer.Typer(no_args_is_help=True, help="The service's HTTPS certificate. 本機服務的憑證。")
app.add_typer(certificate, name="certificate")


@app.command()
def serve(
    centre: CentreUrl,
    centre_ca: CentreCa = None,
    home: HomeFolder = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anything but this machine's own opens it to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = PORT,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Web page that may call from a browser, e.g. https://his.example; repeatable."),
    ] = None,
    pcsc: Annotated[bool, typer.Option(help="Use the system's card readers.")] = True,
    home_care: Annotated[
        bool, typer.Option("--home-care", help="Recognise virtual cards without a network (居家照護離線認卡).")
    ] = False,
) -> None:
    """Serve the control software's API over HTTPS until stopped (Ctrl-C).

    HIS programs written for control software 6.0 work unchanged: https://localhost:5066.
    """
    from nhicard.reader.home import Settings
    from nhicard.reader.service import serving

    if host in ("0.0.0.0", "::"):  # noqa: S104  # it is refused
        raise typer.BadParameter(
            "請給其他電腦呼叫時用的位址或名稱。Give the address or name that others call, for the service answers "
            "to no other and its certificate names it.",
            param_hint="--host",
        )
    settings = Settings(
        home=home_of(home),
        datacentre=centre,
        datacentre_ca=centre_ca,
        host=host,
        port=port,
        origins=tuple(origin or ()),
        pcsc=pcsc,
        home_care=home_care,
    )
    typer.echo(f"控制軟體 Control software: https://{host}:{port}  資料夾 folder: {settings.home.folder}", err=True)
    serving.serve(settings)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where services, cards and logs of the demo live.")] = Path(
        "demo/reader"
    ),
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the steps, not every exchange.")] = False,
) -> None:
    """Walk through a day at the desk with simulated cards: tap, identifier, signatures, virtual card, telemedicine.

    Starts a data centre and the control software on free ports, prints each exchange, checks every answer and ends
    with code 1 at the first that is not as it must be, with code 2 where the folder holds other things.
    """
    from nhicard.cli.reader import demo as walk

    with told_plainly():
        code = walk.run(folder, quiet=quiet)
    raise typer.Exit(code)


@certificate.command("show")
def show_certificate(home: HomeFolder = None) -> None:
    """Print where the certificate is and its SHA-256, as a browser shows it."""
    from nhicard.identity import tls
    from nhicard.reader.service import serving

    https = serving.certificate(home_of(home))
    typer.echo(f"{https.certificate}\nSHA-256 {tls.fingerprint(https.certificate)}")


@certificate.command("install")
def install_certificate(home: HomeFolder = None) -> None:
    """Put the certificate among those that this machine trusts, so that browsers and programs accept it."""
    from nhicard.reader.service import serving

    https = serving.certificate(home_of(home))
    try:
        typer.echo(f"已安裝 Installed: {serving.install_certificate(https.certificate)}")
    except serving.CannotInstall as reason:
        typer.echo(str(reason), err=True)
        raise typer.Exit(2) from None
