"""QR codes from scans and photographs: PDF, PNG and JPEG files, whoever made them.

Files come from strangers: what they are is decided by their first bytes, their sizes are looked at before anything is
unpacked, and whatever the decoders cannot read is refused by a sentence.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import Final

import pypdfium2
import zxingcpp
from PIL import Image, ImageFile, ImageFilter, ImageOps

from nhicard.prescriptions import symbols
from nhicard.prescriptions.reasons import Refused
from nhicard.prescriptions.signing import Signed

LARGEST: Final = 10 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
MOST_PAGES: Final = 10
_MOST_DRAWN: Final = 100_000_000  # pixels of all pages of a PDF: ten of A4
_DPI: Final = 300
_UNIT: Final = 72  # PDF user space units an inch
_LARGEST_SIDE: Final = 20_000
_ENLARGED: Final = 12_000_000  # pixels up to which an image is tried at twice its size
_MOST_SEARCHED: Final = 500_000_000
_TYPES: Final = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
_pdfium = threading.Lock()  # the library is not thread-safe


def kind_of(content: bytes) -> str:
    """pdf, png or jpeg; raises Refused (no_file, file_large, file_type)."""
    if not content:
        raise Refused("no_file")
    if len(content) > LARGEST:
        raise Refused("file_large")
    found = next((kind for start, kind in _TYPES.items() if content.startswith(start)), None)
    if found is None:
        raise Refused("file_type")
    return found


def read(contents: Iterable[bytes]) -> Signed:
    """The one prescription in these files, not yet verified. Raises Refused."""
    texts: set[str] = set()
    for found in _attempts([image for content in contents for image in images(content)]):
        texts |= found
        if symbols.is_whole(texts):
            break
    return Signed.of_content(symbols.join(texts))


def images(content: bytes) -> Iterator[Image.Image]:
    """The pages of a file as grey images; raises Refused."""
    if kind_of(content) == "pdf":
        yield from _pages(content)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is stricter
        try:
            with Image.open(BytesIO(content), formats=["PNG", "JPEG"]) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Refused("too_many_pixels")
                image.load()
                grey = _grey(image)
        except Image.DecompressionBombError:
            raise Refused("too_many_pixels") from None
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError):
            raise Refused("file_type") from None
    yield grey


def _grey(image: ImageFile.ImageFile) -> Image.Image:
    """The image on white, in shades of grey."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        shown = image.convert("RGBA")
        ground = Image.new("RGBA", shown.size, "white")
        ground.alpha_composite(shown)
        return ground.convert("L")
    return image.convert("L")


def _pages(content: bytes) -> Iterator[Image.Image]:
    with _pdfium:
        try:
            document = pypdfium2.PdfDocument(content)
        except (pypdfium2.PdfiumError, ValueError):
            raise Refused("file_type") from None
        try:
            if len(document) > MOST_PAGES:
                raise Refused("too_many_pages")
            drawn = [_drawn(document, number) for number in range(len(document))]
        except pypdfium2.PdfiumError:
            raise Refused("file_type") from None
        finally:
            document.close()
    yield from drawn


def _drawn(document: pypdfium2.PdfDocument, number: int) -> Image.Image:
    page = document[number]
    try:
        width, height = (side / _UNIT * _DPI for side in page.get_size())
        if width > _LARGEST_SIDE or height > _LARGEST_SIDE or width * height * len(document) > _MOST_DRAWN:
            raise Refused("too_many_pixels")
        drawn: Image.Image = page.render(scale=_DPI / _UNIT, grayscale=True).to_pil()
        return drawn.convert("L")
    finally:
        page.close()


def _attempts(pictures: Sequence[Image.Image]) -> Iterator[set[str]]:
    """What is found in the pictures as they are, then changed in ways in which more may be found: cheap ways first.

    Ends after ``_MOST_SEARCHED`` pixels, some seconds, whatever was sent.
    """
    searched = 0
    for change, binarizer in _WAYS:
        for picture in pictures:
            changed = change(picture)
            if changed is None:
                continue
            if (searched := searched + changed.width * changed.height) > _MOST_SEARCHED:
                return
            yield _found(changed, binarizer)


def _found(image: Image.Image, binarizer: zxingcpp.Binarizer) -> set[str]:
    read = zxingcpp.read_barcodes(
        image,
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        binarizer=binarizer,
        text_mode=zxingcpp.TextMode.Plain,
    )
    return {code.text for code in read if code.valid}


def _larger(image: Image.Image) -> Image.Image | None:
    if image.width * image.height > _ENLARGED:
        return None
    return image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)


def _smooth(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(1.0))


def _sharp(image: Image.Image) -> Image.Image | None:
    larger = _larger(image)
    return larger and larger.filter(ImageFilter.UnsharpMask(radius=3, percent=200, threshold=0))


def _quiet(image: Image.Image) -> Image.Image | None:
    """Without speckles, at twice the size."""
    return _larger(image.filter(ImageFilter.MedianFilter(3)))


def _contrast(image: Image.Image) -> Image.Image:
    return ImageOps.autocontrast(image, cutoff=2)


def _smaller(image: Image.Image) -> Image.Image:
    return image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.BOX)


def _as_it_is(image: Image.Image) -> Image.Image:
    return image


_LOCAL: Final = zxingcpp.Binarizer.LocalAverage
_GLOBAL: Final = zxingcpp.Binarizer.GlobalHistogram
_CHANGES: Final[tuple[Callable[[Image.Image], Image.Image | None], ...]] = (
    _smooth,
    _contrast,
    _smaller,
    _larger,
    _sharp,
    _quiet,
)
_WAYS: Final = (
    (_as_it_is, _LOCAL),
    (_as_it_is, _GLOBAL),
    *((change, binarizer) for change in _CHANGES for binarizer in (_LOCAL, _GLOBAL)),
)
