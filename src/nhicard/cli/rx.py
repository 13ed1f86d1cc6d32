"""``nhicard rx``: prescription sheets with QR codes, and what a photograph of one says."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nhicard.cli.moments import moment
from nhicard.cli.reader.options import HomeFolder, home_of

if TYPE_CHECKING:  # polars, cryptography and the rooms are loaded when a command runs
    import polars as pl
    from cryptography import x509

    from nhicard.prescriptions import Prescription, Reason, Signed

app = typer.Typer(
    no_args_is_help=True,
    help="Prescriptions on paper with QR codes (docs/prescriptions.md).\n\n處方箋二維條碼：列印、讀取與驗證。",
)
_REFILLS: Final = ("identifier", "number", "dispensed_by", "cancelled")


class PaperSize(StrEnum):
    """Sizes of the sheet."""

    a5 = "a5"
    a4 = "a4"


class OutputFormat(StrEnum):
    """Outputs of ``read``."""

    text = "text"
    json = "json"


@app.command("print")
def print_sheet(
    visit: Annotated[
        Path, typer.Argument(metavar="VISIT", help="One visit as JSON (docs/prescriptions.md), or a 2.0 upload file.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="sheet.pdf, .png or .svg.")],
    card: Annotated[str, typer.Option(metavar="CARD", help="The physician's simulated staff card: name or file.")],
    pin: Annotated[
        str, typer.Option(envvar="NHICARD_STAFF_PIN", prompt="PIN", hide_input=True, help="The card's PIN.")
    ],
    names: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Names that the visit does not hold, as JSON.")
    ] = None,
    record: Annotated[int, typer.Option(metavar="N", min=1, help="Which record of an upload file.")] = 1,
    kind: Annotated[str | None, typer.Option(metavar="A-F", help="Which of several kinds of prescription.")] = None,
    paper: Annotated[PaperSize, typer.Option(help="Size of the sheet.")] = PaperSize.a5,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="Sign as if then (Taipei). Default: now.")] = None,
    home: HomeFolder = None,
) -> None:
    """Sign a visit's prescription with the physician's card and write its sheet.

    列印處方箋：由就醫資料產生，以醫師的醫事人員卡簽章，含二維條碼。

    Example: nhicard rx print visit.json --card doctor -o sheet.pdf
    """
    from nhicard.formats import rocdate
    from nhicard.prescriptions import InvalidPrescription
    from nhicard.prescriptions.from_visit import of_visit
    from nhicard.reader.cards.apdu import CardError

    form = output.suffix.lower().removeprefix(".")
    if form not in ("pdf", "png", "svg"):
        raise typer.BadParameter("pdf, png or svg", param_hint="--output")
    try:
        told = _named(_visit(visit, record), json.loads(names.read_bytes()) if names else {})
        institution = str(told.get("institution_name") or told.get("institution") or "")
        signed = _signed(
            of_visit(told, moment(as_of, "--as-of") or rocdate.now(), kind), _card_file(card, home_of(home)), pin
        )
        written = _write(signed, institution, output, paper.value, form)
    except InvalidPrescription as error:
        raise _failed(f"{error.zh}\n{error.en}") from None
    except CardError as error:
        raise _failed(f"卡片無法簽章。The card did not sign: {error}") from None
    except (OSError, ValueError) as error:
        raise _failed(str(error)) from None
    for path in written:
        typer.echo(f"已產生 Written: {path}")


@app.command("read")
def read(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Scans or photographs of one sheet.")],
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE.pem", help="The insurer's root certificate. Default: the reader's own copy."),
    ] = None,
    refills: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help=f"What was dispensed already: columns {' '.join(_REFILLS)}."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="Judge as of then (Taipei). Default: now.")] = None,
    output: Annotated[OutputFormat, typer.Option("--format", help="text for people, json for programs.")] = (
        OutputFormat.text
    ),
    home: HomeFolder = None,
) -> None:
    """Read a prescription from images, verify it and say whether it may be dispensed.

    讀取處方箋：驗證簽章、憑證、期限與已調劑次數。

    Exit codes: 0 accepted, 1 refused, 2 the images or the root certificate could not be used.

    Example: nhicard rx read photo.jpg --keys root.pem
    """
    from nhicard.formats import rocdate
    from nhicard.prescriptions import origin, supply
    from nhicard.prescriptions.reading import read as read_images
    from nhicard.prescriptions.reasons import Refused

    now = moment(as_of, "--as-of") or rocdate.now()
    try:
        root, known = _root(keys or home_of(home).root), _refills(refills)
        signed = read_images(path.read_bytes() for path in images)
    except Refused as refusal:
        _tell(output, None, [refusal.reason], {})
        raise typer.Exit(2 if refusal.reason.weight == "unusable" else 1) from None
    except (OSError, ValueError) as error:
        raise _failed(str(error)) from None
    source, use = origin(signed, root, now), supply(signed.prescription, now, known)
    facts = {
        "valid_until": use.valid_until.isoformat() if use.valid_until else None,
        "next_refill": use.next_refill,
    }
    accepted = source.is_accepted and use.is_accepted
    _tell(output, signed.prescription, [*source.reasons, *use.reasons], facts, accepted=accepted)
    raise typer.Exit(0 if accepted else 1)


def _visit(path: Path, record: int) -> dict[str, Any]:
    """One visit in columns. Raises ValueError, OSError."""
    content = path.read_bytes()
    if content.lstrip()[:1] == b"<":
        return _uploaded(content, record)
    told = json.loads(content)
    if isinstance(told, list) and len(told) == 1:
        told = told[0]
    if not isinstance(told, dict):
        raise ValueError(f"{path}: 須為一筆就醫資料。One visit is wanted.")
    return told


def _uploaded(content: bytes, record: int) -> dict[str, Any]:
    from nhicard.formats import read as read_file
    from nhicard.institution.visits import read20

    batch = read_file(content)
    if batch.edition != "2.0" or record > batch.visits.height:
        raise ValueError("須為 2.0 格式且有這一筆。An upload file of edition 2.0 with such a record is wanted.")
    found = read20(batch)
    orders = found.orders.filter(found.orders["visit"] == record - 1).drop("visit")
    return found.visits.row(record - 1, named=True) | {"orders": orders.to_dicts()}


def _named(visit: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """The visit with the names put in; orders by their number, else by their place."""
    orders = [dict(order) for order in visit.get("orders", [])]
    for place, extra in enumerate(names.get("orders", [])):
        number = extra.get("order_number")
        at = next((n for n, order in enumerate(orders) if number and order.get("order_number") == number), place)
        if at >= len(orders):
            raise ValueError("names 的醫令比就醫的多。There are more orders in the names than in the visit.")
        orders[at] |= extra
    return visit | {name: value for name, value in names.items() if name != "orders"} | {"orders": orders}


def _card_file(card: str, home: Any) -> Path:
    from nhicard.cli.reader.cards import path_of

    return Path(card) if card.endswith(".json") else path_of(home, card)


def _signed(prescription: Prescription, card_file: Path, pin: str) -> Signed:
    from nhicard.prescriptions import sign
    from nhicard.reader.cards import operations
    from nhicard.reader.cards.applet import SimulatedCard

    card = SimulatedCard(card_file)
    operations.verify_pin(card, pin)
    certificate = operations.certificate(card)
    return sign(prescription, certificate, lambda challenge: operations.sign(card, challenge).signature)


def _write(signed: Signed, institution: str, output: Path, paper: Any, form: Any) -> list[Path]:
    """Files readable by their owner only: one, or one a page."""
    from nhicard.identity.private_files import write_private
    from nhicard.prescriptions import sheet

    pages = sheet.render(signed, institution, paper=paper, form=form)
    paths = [output] if len(pages) == 1 else [output.with_stem(f"{output.stem}-{n}") for n in range(1, len(pages) + 1)]
    for path, page in zip(paths, pages, strict=True):
        write_private(path, page)
    return paths


def _root(path: Path) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise ValueError(
            f"{path}：沒有健保署根憑證，請以 --keys 指定。The insurer's root certificate is not there; give --keys."
        ) from None


def _refills(path: Path | None) -> pl.DataFrame | None:
    if path is None:
        return None
    import polars as pl

    schema = {"identifier": pl.String, "number": pl.Int64, "dispensed_by": pl.String, "cancelled": pl.Boolean}
    try:
        return pl.read_csv(path, schema_overrides=schema).select(_REFILLS)
    except pl.exceptions.PolarsError:
        raise ValueError(f"{path}：欄位須有 {' '.join(_REFILLS)}。It needs these columns.") from None


def _tell(
    output: OutputFormat,
    prescription: Prescription | None,
    reasons: list[Reason],
    facts: dict[str, Any],
    *,
    accepted: bool = False,
) -> None:
    line = sys.stdout.write
    if output is OutputFormat.json:
        told: dict[str, Any] = {"accepted": accepted, "reasons": [reason.as_json() for reason in reasons]} | facts
        if prescription:
            told["prescription"] = dict(prescription.header) | {"orders": [dict(each) for each in prescription.orders]}
        line(json.dumps(told, ensure_ascii=False) + "\n")
        return
    line("可以調劑 may be dispensed\n" if accepted else "不可調劑 not to be dispensed\n")
    for reason in reasons:
        line(f"  {reason.sentence('zh')}{reason.remedy('zh')}\n  {reason.sentence('en')} {reason.remedy('en')}\n")
    if prescription:
        _tell_prescription(prescription, facts)


def _tell_prescription(prescription: Prescription, facts: dict[str, Any]) -> None:
    from nhicard.prescriptions.tables import fields, kinds

    line = sys.stdout.write
    for field in fields("header"):
        if value := prescription.header[field.name]:
            named = f"（{kinds()[value].zh}）" if field.name == "kind" else ""
            line(f"  {field.zh} {field.en}: {value}{named}\n")
    line(f"  調劑期限 valid until: {facts.get('valid_until')}\n")
    if facts.get("next_refill"):
        line(f"  本次為第 {facts['next_refill']} 次調劑 this would be dispensing {facts['next_refill']}\n")
    for order in prescription.orders:
        told = (order["number"], order["code"], order["product"], f"{order['dose']} {order['unit']}".strip())
        line("    " + "　".join((*told, order["usage"], order["route"], order["days"], order["total"])) + "\n")


def _failed(message: str) -> typer.Exit:
    typer.echo(f"nhicard: {message}", err=True)
    return typer.Exit(2)
