"""The pages of prescriptions' images, by HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.insurer.portal import people
from tests.insurer.prescriptions import consulting_room
from tests.insurer.prescriptions.consulting_room import Room

from nhicard.bench.prescriptions import NOW
from nhicard.insurer import clock
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.prescriptions.models import QrImage
from nhicard.prescriptions import reading

NEW, LIST = "/portal/prescriptions/new", "/portal/prescriptions/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def room(db: None, insurer_home: Any, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return consulting_room.opened()


@pytest.fixture
def clerk(room: Room) -> Client:
    return people.signed_in(Client(), room.clerk)


@pytest.fixture
def officer(room: Room) -> Client:
    return people.signed_in(Client(), room.officer)


def send(client: Client, content: bytes, name: str = "照片.png") -> Any:
    return client.post(NEW, {"file": SimpleUploadedFile(name, content)})


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_image_is_read_compared_and_shown_masked(room: Room, clerk: Client) -> None:
    room.uploaded()
    answer = send(clerk, room.image())
    image = QrImage.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}{image.pk}")
    told, header = page(clerk, answer["Location"]), room.prescription.header
    assert "已驗證" in told
    assert room.prescription.orders[0]["code"] in told
    for hidden in (header["patient_id"], header["patient_name"], header["physician_name"]):
        assert hidden not in told
    assert f"{header['patient_id'][0]}******{header['patient_id'][-3:]}" in told
    assert "已驗證" in page(clerk, LIST)
    assert Entry.objects.filter(action="qr-image.seen", subject=f"qr-image {image.pk}").exists()


def test_in_english(room: Room, clerk: Client) -> None:
    clerk.cookies["django_language"] = "en"
    told = page(clerk, send(clerk, room.image())["Location"])
    assert "No 2.0 record of this visit" in told
    assert "Visit identifier" in told
    assert "處方" not in told.split("<main", 1)[1]


def test_the_same_image_says_so(room: Room, clerk: Client) -> None:
    content = room.image()
    first = send(clerk, content)["Location"]
    page(clerk, first)
    again = send(clerk, content)["Location"]
    assert again == first
    assert "之前上傳過" in page(clerk, again)


REFUSED = {
    "no file": (None, "沒有選擇檔案"),
    "nothing in it": (b"", "沒有選擇檔案"),
    "another type": (b"GIF89a" + bytes(99), "不是可讀的"),
    "too large": (b"\xff\xd8\xff" + bytes(reading.LARGEST), "超過 10 MB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_by_a_sentence(clerk: Client, name: str) -> None:
    content, sentence = REFUSED[name]
    answer = clerk.post(NEW) if content is None else send(clerk, content)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not QrImage.objects.exists()


def test_a_pharmacy_does_not_prescribe(db: None, insurer_home: Any) -> None:
    pharmacy = people.institution("5901200000", kind="pharmacy")
    client = people.signed_in(Client(), people.user("clerk", institution=pharmacy))
    assert "只有醫院、診所" in page(client, NEW)
    assert send(client, b"%PDF-").status_code == 422


def test_the_division_decides_what_is_doubtful(room: Room, clerk: Client, officer: Client) -> None:
    room.uploaded(staff_id="B123456780")
    address = send(clerk, room.image())["Location"]
    assert "確認相符" not in page(clerk, address)
    assert room.institution.code in page(officer, f"{LIST}?outcome=doubtful")
    assert "確認相符" in page(officer, address)
    assert officer.post(f"{address}/decide", {}).status_code == 422
    assert officer.post(f"{address}/decide", {"decision": "refuse"}).status_code == 422
    done = officer.post(f"{address}/decide", {"decision": "refuse", "remark": "測試理由"})
    assert (done.status_code, done["Location"]) == (302, address)
    told = page(clerk, address)
    assert "不符" in told
    assert "測試理由" in told
    officer.post(f"{address}/decide", {"decision": "confirm"})
    assert "已經有結果" in page(officer, address)
    assert "已驗證" not in page(clerk, address)


def test_a_division_sees_its_own_institutions_only(room: Room, clerk: Client) -> None:
    address = send(clerk, room.image())["Location"]
    elsewhere = people.signed_in(Client(), people.user("officer", division=2))
    assert room.institution.code not in page(elsewhere, LIST)
    assert elsewhere.get(address).status_code == 404
    assert elsewhere.post(f"{address}/decide", {"decision": "confirm"}).status_code == 404


def test_the_list_filters_and_pages_on(room: Room, clerk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from nhicard.insurer.prescriptions import views

    monkeypatch.setattr(views, "_PAGE", 1)
    room.uploaded()
    first, second = (
        send(clerk, content)["Location"] for content in (room.image(), room.image(patient_name="測試病患癸"))
    )
    told = page(clerk, LIST)
    assert second in told
    assert f'href="{first}"' not in told
    number = second.rsplit("/", 1)[1]
    assert f"?before={number}" in told
    assert f'href="{first}"' in page(clerk, f"{LIST}?before={number}")
    assert "還沒有圖片" in page(clerk, f"{LIST}?outcome=refused")
    assert page(clerk, f"{LIST}?outcome=nonsense&before=x")


def test_a_number_beyond_all_is_unknown(clerk: Client) -> None:
    assert clerk.get(f"{LIST}{10**30}").status_code == 404


def test_the_division_sees_prescription_and_visit_beside_each_other(room: Room, clerk: Client, officer: Client) -> None:
    room.uploaded(staff_id="B123456780", orders=[room.orders()[0] | {"D09": "77"}, *room.orders()[1:]])
    told = page(officer, send(clerk, room.image())["Location"])
    assert "已上傳的就醫資料" in told
    assert "B1****6780" in told
    assert "B123456780" not in told
    assert ">77<" in told
    assert room.prescription.header["patient_id"] not in told
