"""How many prescriptions survive paper: random ones, printed, damaged as scanners and telephones do, and read back.

    python -m nhicard.bench.prescriptions --count 1000 --seed 1

prints the share that was read and verified, a row a kind of capture; docs/prescriptions.md states the result.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Final

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from nhicard.identity import certificates, national_id, signature_block
from nhicard.identity.certificates import Role, Subject
from nhicard.identity.signature_block import PinState
from nhicard.prescriptions import Prescription, Signed, origin, reading, sign, writing
from nhicard.prescriptions.payload import masked_physician
from nhicard.prescriptions.reasons import Refused
from nhicard.prescriptions.tables import kinds

NOW: Final = datetime(2026, 3, 2, 9, 30, 15)
_DRUGS: Final = (
    ("AC12345100", "測試錠 500 毫克", "TESTAMOL", "500mg", "錠劑", "PO", "TAB"),
    ("A000015421", "測試膠囊 250 毫克（膠囊）", "TESTICILLIN", "250mg", "膠囊劑", "PO", "CAP"),
    ("BC071521G0", "測試藥膏 10 公克/支", "TESTONIDE CREAM", "0.1%", "乳膏劑", "EXT", "TUBE"),
    ("AB48089100", "測試緩釋錠 30 毫克", "TESTIPINE ER", "30mg", "持續性藥效錠", "PO", "TAB"),
    ("BC23456100", "測試安定錠 2 毫克", "TESTAZEPAM", "2mg", "錠劑", "PO", "TAB"),
    ("AC55555221", "測試注射液 1 毫升", "TESTOXONE INJ", "50mg/ml", "注射劑", "IM", "AMP"),
)
_USAGES: Final = ("QD", "BID", "TIDPC", "QIDPCHS", "QN", "PRN")


@dataclass(frozen=True, slots=True)
class Physician:
    """A physician's card and the root that certified it."""

    person: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    root: x509.Certificate

    def signer(self, challenge: bytes) -> bytes:
        """What the card makes of a challenge, its PIN verified."""
        return signature_block.sign_challenge(self.key, challenge, PinState.VERIFIED).signature


@dataclass(frozen=True, slots=True)
class Capture:
    """How a sheet becomes an image; ranges are drawn from evenly.

    ``degrees``: turned by at most so much; ``noise``: standard deviation in shades of grey; ``blur``: Gaussian radius
    in pixels; ``quality``: of the JPEG; ``perspective``: corners off by at most this share of a side; ``shade``: one
    side darker by at most this share; ``stains``: most spots of ink or white, 1 to 3 mm wide.
    """

    name: str
    dpi: tuple[int, int]
    degrees: float
    noise: tuple[float, float]
    blur: tuple[float, float]
    quality: tuple[int, int]
    perspective: float = 0.0
    shade: float = 0.0
    stains: int = 0


#: Flat-bed scans turn and blur little; a telephone sees the sheet askew, unevenly lit, with more pixels.
CAPTURES: Final = (
    Capture("scan, 150 dpi", (150, 150), 15, (2, 8), (0, 0.6), (75, 90)),
    Capture("scan, 200–300 dpi", (200, 300), 15, (3, 14), (0, 1.0), (60, 90)),
    Capture("photograph", (200, 300), 15, (3, 14), (0.3, 1.2), (60, 90), perspective=0.06, shade=0.4),
)
#: A spot on a finder pattern is beyond error correction, so that some of these are lost.
STAINED: Final = Capture("scan, 300 dpi, stained", (300, 300), 15, (3, 14), (0, 1.0), (60, 90), stains=2)


def physician(seed: int = 0, root: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None) -> Physician:
    """A made-up physician, certified by the root or one made for the purpose."""
    since, until = NOW - timedelta(days=365), NOW + timedelta(days=3650)
    root_key, root_certificate = root or made_root()
    person = str(national_id.with_check_digit([f"B1{seed:07d}"])[0])
    key = certificates.new_key()
    subject = Subject(Role.STAFF_CARD, f"P{seed:011d}", person=person, profession="physician")
    issued = certificates.issue(root_key, root_certificate, key.public_key(), subject, since, until)
    return Physician(person, key, issued, root_certificate)


@cache
def made_root() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A root for this process."""
    key = certificates.new_key()
    return key, certificates.make_root(key, NOW - timedelta(days=800), NOW + timedelta(days=9000))


def made_up(rng: random.Random, doctor: Physician, orders: int | None = None) -> Prescription:
    """A random prescription of one to eight orders."""
    kind = kinds()[rng.choice("ABCDEF")]
    days = rng.randint(1, 7) if kind.most_days else rng.choice((14, 28, 30))
    visit = NOW - timedelta(days=rng.randint(0, 2), minutes=rng.randint(0, 500))
    stem = f"{rng.choice('ABCDEFGH')}{rng.choice('12')}{rng.randrange(10**7):07d}"
    header = {
        "signed_at": f"{visit:%Y%m%d%H%M%S}",
        "institution": "3501200000",
        "patient_id": str(national_id.with_check_digit([stem])[0]),
        "patient_name": f"測試病患{rng.choice('甲乙丙丁戊己庚辛')}",
        "sex": "MF"[int(stem[1]) - 1],
        "birth_date": f"{rng.randint(1930, 2024)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}",
        "physician_id": masked_physician(doctor.person),
        "physician_name": "測試醫師",
        "visit_date": f"{visit:%Y%m%d}",
        "department": rng.choice(("01", "02", "10", "40", "81")),
        "sequence_number": f"{rng.randint(1, 300):04d}",
        "visit_identifier": "".join(rng.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=20)),
        "days": str(days),
        "payment_category": "4",
        "copayment_code": rng.choice(("D10", "D20", "A10", "")),
        "case_category": rng.choice(("01", "04", "09")),
        "diagnosis": rng.choice(("J069", "I10", "E119", "G4700", "K2970")),
        "dispensings": str(rng.randint(2, 3) if kind.is_refillable else 1),
        "kind": kind.kind,
    }
    count = orders or rng.randint(1, 8)
    return Prescription(header, [_order(rng, number, days) for number in range(1, count + 1)])


def _order(rng: random.Random, number: int, days: int) -> dict[str, str]:
    code, product, generic, content, form, route, unit = rng.choice(_DRUGS)
    return {
        "category": "1",
        "number": str(number),
        "code": code,
        "product": product,
        "generic": generic,
        "content": content,
        "dosage_form": form,
        "dose": rng.choice(("1", "0.5", "2")),
        "unit": unit,
        "usage": rng.choice(_USAGES),
        "days": str(days),
        "total": str(days * rng.randint(1, 4)),
        "route": route,
        "replaceable": rng.choice("YN"),
    }


def printed(signed: Signed, dpi: int = 600) -> Image.Image:
    """The QR codes on white paper as they stand on the A5 sheet, without the text around them."""
    codes = writing.codes(signed)
    side = round(writing.WIDTH_MM / 25.4 * dpi)
    gap, across = round(4 / 25.4 * dpi), min(3, len(codes))
    down = -(-len(codes) // across)
    paper = Image.new("L", (across * (side + gap) + gap, down * (side + gap) + gap), 255)
    for place, code in enumerate(codes):
        with Image.open(BytesIO(writing.png(code, dpi))) as drawn:
            image = drawn.convert("L").resize((side, side), Image.Resampling.BOX)
        row, column = divmod(place, across)
        paper.paste(image, (gap + column * (side + gap), gap + row * (side + gap)))
    return paper


def captured(paper: Image.Image, how: Capture, rng: random.Random, printed_dpi: int = 600) -> bytes:
    """A JPEG of the printed codes as a scanner or telephone takes it."""
    dpi = rng.uniform(*how.dpi)
    size = [max(1, round(side * dpi / printed_dpi)) for side in paper.size]
    image = paper.filter(ImageFilter.GaussianBlur(printed_dpi / 600))  # ink spreads
    _stain(image, rng.randint(0, how.stains), printed_dpi, rng)
    image = image.resize((size[0], size[1]), Image.Resampling.BOX)
    image = image.rotate(rng.uniform(-how.degrees, how.degrees), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    if how.perspective:
        image = _askew(image, how.perspective, rng)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(*how.blur)))
    grey: NDArray[np.floating] = np.asarray(image, np.float32)
    ink, white = rng.uniform(10, 60), rng.uniform(190, 250)
    grey = ink + grey / 255 * (white - ink)
    if how.shade:
        slope = np.linspace(1 - rng.uniform(0, how.shade), 1, grey.shape[1], dtype=np.float32)
        grey = grey * (slope if rng.random() < 0.5 else slope[::-1])
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(*how.noise), grey.shape)
    image = Image.fromarray(np.clip(grey + noise, 0, 255).astype(np.uint8))
    out = BytesIO()
    image.save(out, "JPEG", quality=rng.randint(*how.quality))
    return out.getvalue()


def _stain(image: Image.Image, spots: int, dpi: int, rng: random.Random) -> None:
    """Spots of ink or white anywhere on the paper."""
    draw = ImageDraw.Draw(image)
    for _ in range(spots):
        radius = rng.uniform(0.5, 1.5) / 25.4 * dpi
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=rng.choice((0, 255)))


def _askew(image: Image.Image, most: float, rng: random.Random) -> Image.Image:
    """The image as seen from one side: corners moved by up to a share of the sides, and nothing cut off."""
    image = ImageOps.expand(image, round(most * max(image.size)), fill=255)
    width, height = image.size
    there = [(0, 0), (width, 0), (width, height), (0, height)]
    here = [(x + rng.uniform(-most, most) * width, y + rng.uniform(-most, most) * height) for x, y in there]
    rows, right = [], []
    for (x, y), (u, v) in zip(there, here, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    solved = np.linalg.solve(np.array(rows, float), np.array(right, float))
    return image.transform(
        image.size, Image.Transform.PERSPECTIVE, tuple(solved), Image.Resampling.BICUBIC, fillcolor=255
    )


def survives(seed: int, how: Capture, doctor: Physician) -> bool:
    """Whether the prescription of the seed, printed and captured, is read, the same, and genuine."""
    rng = random.Random(seed)
    prescription = made_up(rng, doctor)
    signed = sign(prescription, doctor.certificate, doctor.signer)
    image = captured(printed(signed), how, rng)
    try:
        found = reading.read([image])
    except Refused:
        return False
    return found.prescription == prescription and origin(found, doctor.root, NOW).is_accepted


def measured(count: int, seed: int, ways: Sequence[Capture] = CAPTURES) -> dict[str, tuple[int, int]]:
    """Read and tried, by kind of capture; the captures take turns."""
    doctor = physician()
    read, tried = Counter[str](), Counter[str]()
    for number in range(count):
        how = ways[number % len(ways)]
        tried[how.name] += 1
        read[how.name] += survives(seed * 1_000_003 + number, how, doctor)
    return {how.name: (read[how.name], tried[how.name]) for how in ways if tried[how.name]}


def main(arguments: list[str] | None = None) -> int:
    """Print the shares."""
    parser = argparse.ArgumentParser(prog="python -m nhicard.bench.prescriptions", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stained", action="store_true", help="with spots of ink and white instead")
    told = parser.parse_args(arguments)
    start = time.perf_counter()
    found = measured(told.count, told.seed, (STAINED,) if told.stained else CAPTURES)
    for name, (read, tried) in found.items():
        sys.stdout.write(f"{name:20} {read:5} / {tried:5}  {read / tried:.2%}\n")
    read, tried = (sum(each) for each in zip(*found.values(), strict=True))
    sys.stdout.write(f"{'all':20} {read:5} / {tried:5}  {read / tried:.2%}  {time.perf_counter() - start:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
