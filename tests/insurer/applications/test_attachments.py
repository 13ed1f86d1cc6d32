"""Which files are taken, and that the others are not."""

from __future__ import annotations

import io
import zipfile

import pytest
from tests.insurer.applications import office
from tests.insurer.applications.files import JPEG, PDF, PNG, chunk
from tests.insurer.applications.office import NOW

from nhicard.insurer.applications.services import attachments, cases
from nhicard.insurer.applications.services.refusals import Refused


def zipped() -> bytes:
    """A small archive."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("a.txt", "x")
    return kept.getvalue()


WHOLE = {"application/pdf": PDF, "image/png": PNG, "image/jpeg": JPEG}
HOSTILE = {
    "empty": (b"", "file_empty"),
    "too large": (PDF[:-6] + b" " * attachments.LARGEST + b"%%EOF\n", "file_large"),
    "a program": (b"MZ" + b"\0" * 200, "file_content"),
    "a page": (b"<html><script>alert(1)</script>", "file_content"),
    "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "file_content"),
    "an archive": (zipped(), "file_content"),
    "a page behind a PDF": (PDF + b"<script>alert(1)</script>", "file_content"),
    "an archive behind a PDF": (PDF + zipped(), "file_content"),
    "an archive that ends like a PDF": (PDF + zipped() + b"\n%%EOF\n", "file_content"),
    "something before a PDF": (b"MZ\n" + PDF, "file_content"),
    "a cut PDF": (PDF[:-8], "file_content"),
    "a PDF with script": (PDF.replace(b"/Type", b"/JavaScript"), "file_content"),
    "a PDF that starts programs": (PDF.replace(b"/Type", b"/Launch"), "file_content"),
    "a PDF with a file in it": (PDF.replace(b"/Type", b"/EmbeddedFile"), "file_content"),
    "an archive behind a PNG": (PNG + zipped(), "file_content"),
    "a page behind a PNG": (PNG + b"<script>", "file_content"),
    "a PNG with two ends": (PNG + chunk(b"IEND"), "file_content"),
    "a PNG with a wrong sum": (PNG[:-1] + b"\0", "file_content"),
    "a cut PNG": (PNG[:-12], "file_content"),
    "the beginning of a PNG": (PNG[:8], "file_content"),
    "an archive behind a JPEG": (JPEG + zipped(), "file_content"),
    "a page behind a JPEG": (JPEG + b"<script>" + JPEG[-2:], "file_content"),
    "a cut JPEG": (JPEG[:-2], "file_content"),
    "the beginning of a JPEG": (JPEG[:3], "file_content"),
}


@pytest.mark.parametrize("media_type", WHOLE)
def test_whole_files_are_known_by_their_content(media_type: str) -> None:
    assert attachments.media_type_of(WHOLE[media_type]) == media_type


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str) -> None:
    content, reason = HOSTILE[name]
    with pytest.raises(Refused) as refusal:
        attachments.media_type_of(content)
    assert refusal.value.name == reason


@pytest.mark.parametrize("name", ["合約.pdf", "scan 1.PNG", "照片(2).jpeg", "112.10.25 申請書.pdf", "v1.2.pdf"])
def test_plain_names_are_kept(name: str) -> None:
    assert attachments.plain_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd.pdf", "file_name"),
        ("C:\\a.pdf", "file_name"),
        ("a\x00.pdf", "file_name"),
        ("a\r\nSet-Cookie: x.pdf", "file_name"),
        ("申請\u202efdp.exe.pdf", "file_name"),
        (".pdf", "file_name"),
        (".htaccess.pdf", "file_name"),
        ("a.exe.pdf", "file_name"),
        ("a.php5.png", "file_name"),
        ("a.pdf.", "file_type"),
        ("a.pdf.exe", "file_type"),
        ("a.html", "file_type"),
        ("pdf", "file_name"),
        ("長" * 96 + ".pdf", "file_name"),
    ],
)
def test_other_names_are_refused(name: str, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        attachments.plain_name(name)
    assert refusal.value.name == reason


@pytest.mark.django_db
def test_a_draft_holds_five_files_each_once_and_none_after_handing_in() -> None:
    clinic = office.opened()
    draft = clinic.drafted()
    for number in range(attachments.MOST):
        attachments.add(draft, f"{number}.pdf", PDF + b"\n" * number, clinic.clerk, NOW)
    attachments.add(draft, "again.pdf", PDF, clinic.clerk, NOW)
    assert draft.attachments.count() == attachments.MOST
    for name, content, reason in [("6.png", PNG, "file_too_many"), ("6.jpg", PNG, "file_type")]:
        with pytest.raises(Refused, match=reason):
            attachments.add(draft, name, content, clinic.clerk, NOW)
    first = draft.attachments.order_by("pk").first()
    assert first is not None
    for nothing in ("x", "", "-1", "9" * 40):
        attachments.remove(draft, nothing)
    attachments.remove(draft, str(first.pk))
    assert draft.attachments.count() == attachments.MOST - 1
    cases.act(draft.pk, "submit", clinic.representative, NOW)
    event = draft.events.get()
    assert event.facts["attachments"] == [each.sha256 for each in draft.attachments.order_by("pk")]
    with pytest.raises(Refused, match="handed_in"):
        attachments.add(draft, "7.png", PNG, clinic.clerk, NOW)
    with pytest.raises(Refused, match="handed_in"):
        attachments.remove(draft, str(first.pk + 1))
