"""Virtual cards: a QR code used once, a session in one reader, transfer, telemedicine, home care."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from tests.insurer.datacentre.calls import ANSWER, ASK, DECIDE, PENDING, RECEIVE, TEST_QR, TRANSFER
from tests.insurer.desk import CLINIC, NOW, PATIENT, Card, Desk, Reply

from nhicard.formats import rocdate
from nhicard.identity import virtual_token
from nhicard.identity.national_id import is_valid_id
from nhicard.identity.virtual_token import BasicData, Setting, TokenRefused
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import HealthCard, InsuredPerson

BASIC = "/api/v1/BasicData/Query"
LOGOUT = "/api/v1/VirtualHc/Logout"
CHILD = "A100000001"


def receive(desk: Desk, token: str) -> Reply:
    return desk.call(RECEIVE, "SAM", "01", transferToken=token)


def is_in(desk: Desk) -> int:
    """What a call with the virtual card is answered."""
    return int(desk.call(BASIC, "SAM HC", "01")["statusCode"])


# --- the QR code --------------------------------------------------------------------------------------------


def test_a_qr_code_says_whose_it_is_and_opens_one_session(desk: Desk, virtual: Card) -> None:
    token = desk.qr(virtual)
    read = [desk.scan(token, "ReadBasic") for _ in range(2)]
    assert read[0] == read[1]
    verified = desk.scan(f"  {token}\r\n")  # as a scanner types it
    assert verified["statusCode"] == 0
    assert len(base64.b64decode(verified.pop("sessionSecret"))) == 32
    assert verified == read[0]
    assert verified["idNo"] == PATIENT
    assert [desk.scan(token, action)["statusCode"] for action in ("Verification", "ReadBasic")] == [1525, 1525]


@pytest.mark.parametrize(("after", "status"), [(0, 0), (300, 0), (301, 1521)])
def test_a_qr_code_lives_for_five_minutes(desk: Desk, virtual: Card, after: int, status: int) -> None:
    token = desk.qr(virtual)
    desk.later(seconds=after)
    assert desk.scan(token)["statusCode"] == status


def test_a_card_in_the_reader_counts_until_logout(desk: Desk, virtual: Card) -> None:
    inserted = desk.insert(virtual)
    assert inserted.tap()["sequenceNumber"] == "W001"
    assert inserted.call(LOGOUT, "SAM HC", "01")["statusCode"] == 0
    assert is_in(inserted) == 3303


def test_a_session_lasts_an_hour(desk: Desk, virtual: Card) -> None:
    inserted = desk.insert(virtual)
    desk.later(hours=1)
    assert is_in(inserted) == 0
    desk.later(seconds=1)
    assert is_in(inserted) == 1703


def test_scanning_again_ends_the_session_before(desk: Desk, virtual: Card) -> None:
    before, after = desk.insert(virtual), desk.insert(virtual)
    assert (is_in(before), is_in(after)) == (3100, 0)
    assert after.call(LOGOUT, "SAM HC", "01")["statusCode"] == 0
    assert [is_in(before), is_in(after)] == [3303, 3303]


def test_another_reader_cannot_use_the_session(desk: Desk, virtual: Card) -> None:
    inserted, next_door = desk.insert(virtual), desk.next_door()
    assert is_in(next_door.with_cards(hc=inserted.hc)) == 3303
    next_door.insert(virtual)
    assert is_in(next_door.with_cards(hc=inserted.hc)) == 3100
    assert is_in(inserted) == 0


def test_the_cards_own_key_is_no_substitute_for_a_scan(desk: Desk, virtual: Card) -> None:
    assert is_in(desk.with_cards(hc=virtual)) == 3303
    desk.insert(virtual)
    assert is_in(desk.with_cards(hc=virtual)) == 3100


# --- transfer -----------------------------------------------------------------------------------------------


@pytest.fixture
def inserted(desk: Desk, virtual: Card) -> Desk:
    return desk.insert(virtual)


@pytest.fixture
def offer(inserted: Desk) -> str:
    reply = inserted.call(TRANSFER, "SAM HC", "01")
    assert reply["statusCode"] == 0
    return str(reply["transferToken"])


def test_a_card_moves_to_another_reader_of_the_institution(inserted: Desk, offer: str) -> None:
    next_door = inserted.next_door()
    reply = receive(next_door, offer)
    assert (reply["statusCode"], reply["idNo"]) == (0, PATIENT)
    moved = next_door.with_cards(hc=replace(inserted.hc, secret=base64.b64decode(reply["sessionSecret"])))
    assert (is_in(moved), is_in(inserted)) == (0, 3303)


def test_an_offer_is_taken_once_within_five_minutes_by_the_same_institution(inserted: Desk, offer: str) -> None:
    next_door = inserted.next_door()
    assert receive(next_door, offer[:-1])["statusCode"] == 1528
    assert receive(inserted.elsewhere(), offer)["statusCode"] == 1530
    inserted.later(minutes=5, seconds=1)
    assert receive(next_door, offer)["statusCode"] == 1531
    inserted.later(seconds=-1)
    assert [receive(next_door, offer)["statusCode"] for _ in range(2)] == [0, 1529]


def test_a_card_that_was_logged_out_or_scanned_again_is_no_longer_offered(inserted: Desk, offer: str) -> None:
    scanned_again = inserted.insert(replace(inserted.hc, secret=b""))
    assert receive(inserted.next_door(), offer)["statusCode"] == 1531
    assert is_in(scanned_again) == 0


# --- telemedicine -------------------------------------------------------------------------------------------


@pytest.fixture
def wish(desk: Desk, virtual: Card) -> str:
    """The access token of the institution's request."""
    return str(desk.call(ASK, "SAM", "01", patientId=PATIENT)["accessToken"])


def answer(desk: Desk, wish: str) -> Reply:
    return desk.call(ANSWER, "SAM", "01", accessToken=wish)


def agree(desk: Desk, virtual: Card, wish: str) -> Reply:
    token = desk.qr(virtual, Setting.TELEMEDICINE)
    return desk.phone(DECIDE, virtual, accessToken=wish, agreed=True, token=token)


def test_the_patient_sees_who_asks_and_agrees(desk: Desk, virtual: Card, wish: str) -> None:
    assert answer(desk, wish)["statusCode"] == 3239
    requests = desk.phone(PENDING, virtual)["requests"]
    assert requests == [{"accessToken": wish, "hospitalId": CLINIC, "hospitalName": "測試診所"}]
    assert agree(desk, virtual, wish)["statusCode"] == 0
    assert desk.phone(PENDING, virtual)["requests"] == []
    given = answer(desk, wish)
    assert given["statusCode"] == 0
    assert desk.scan(given["virtualCardToken"])["idNo"] == PATIENT
    assert desk.scan(given["virtualCardToken"])["statusCode"] == 1525


def test_the_patient_declines(desk: Desk, virtual: Card, wish: str) -> None:
    assert desk.phone(DECIDE, virtual, accessToken=wish, agreed=False)["statusCode"] == 0
    assert answer(desk, wish)["statusCode"] == 3240
    assert agree(desk, virtual, wish)["statusCode"] == 3237, "a decision stands"


@pytest.mark.parametrize("agreed", [None, "true", 1, 0, "", []], ids=repr)
def test_silence_is_no_decision(desk: Desk, virtual: Card, wish: str, agreed: object) -> None:
    assert desk.phone(DECIDE, virtual, accessToken=wish, agreed=agreed)["statusCode"] == 1706
    assert answer(desk, wish)["statusCode"] == 3239


@pytest.mark.parametrize(("after", "status"), [(timedelta(minutes=30), 0), (timedelta(minutes=30, seconds=1), 3238)])
def test_an_answer_comes_within_half_an_hour(
    desk: Desk, virtual: Card, wish: str, after: timedelta, status: int
) -> None:
    desk.at(NOW + after)
    assert len(desk.phone(PENDING, virtual)["requests"]) == (status == 0)
    assert agree(desk, virtual, wish)["statusCode"] == status
    assert answer(desk, wish)["statusCode"] == status


def test_a_request_is_nobody_elses(desk: Desk, virtual: Card, wish: str) -> None:
    other = desk.issue("VHC", idNo="A223456781", name="測試病患乙", birthday="0800202", sex="F")
    assert desk.phone(PENDING, other)["requests"] == []
    assert agree(desk, other, wish)["statusCode"] == 3237
    assert agree(desk, virtual, wish)["statusCode"] == 0
    assert answer(desk.elsewhere(), wish)["statusCode"] == 3237


def test_a_token_of_another_card_does_not_go_out_under_the_patients_consent(
    desk: Desk, virtual: Card, wish: str
) -> None:
    other = desk.issue("VHC", idNo="A223456781", name="測試病患乙", birthday="0800202", sex="F")
    token = desk.qr(other, Setting.TELEMEDICINE)
    assert desk.phone(DECIDE, virtual, accessToken=wish, agreed=True, token=token)["statusCode"] == 1522
    assert answer(desk, wish)["statusCode"] == 3239


def test_a_phones_message_counts_once(desk: Desk, virtual: Card, wish: str) -> None:
    said = desk.spoken(virtual, nonce="1")
    assert [desk.post(PENDING, said)["statusCode"] for _ in range(2)] == [0, 3245]
    assert desk.post(PENDING, desk.spoken(virtual, nonce="1"))["statusCode"] == 3245, "signed anew, said before"
    other = desk.issue("VHC", idNo="A223456781", name="測試病患乙", birthday="0800202", sex="F")
    assert desk.post(PENDING, desk.spoken(other, nonce="1"))["statusCode"] == 0, "another phone may say the same"


# --- test codes, home care, dependants ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sex", "foreigner", "second"), [("M", False, "1"), ("F", False, "2"), ("M", True, "8"), ("F", True, "9")]
)
def test_a_test_code_stands_for_a_made_up_patient(desk: Desk, sex: str, foreigner: bool, second: str) -> None:
    wish = {"sex": sex, "birthday": "0610115", "isForeigner": foreigner}
    reply = desk.call(TEST_QR, "SAM", "06", **wish)
    made_up = desk.scan(reply["qrCode"])
    assert (made_up["statusCode"], made_up["cardId"]) == (0, reply["cardId"])
    assert (made_up["sex"], made_up["birthday"]) == (sex, "0610115")
    assert is_valid_id(made_up["idNo"])
    assert made_up["idNo"][1] == second


def _home_care(desk: Desk, card: Card) -> str:
    holder = HealthCard.objects.select_related("person").get(number=card.number)
    basic = BasicData(holder.person.name, rocdate.format_date(holder.person.birthday), holder.person.sex)
    certificate = x509.load_pem_x509_certificate(holder.certificate.encode())
    return virtual_token.make(card.key, card.number, Setting.HOME_CARE, desk.now, certificate=certificate, basic=basic)


def test_home_care_recognises_the_patient_without_a_network(desk: Desk, virtual: Card) -> None:
    token = virtual_token.read(_home_care(desk, virtual))
    subject = virtual_token.recognise_offline(token, authority().root, desk.now)
    assert (subject.person, subject.number) == (PATIENT, virtual.number)
    assert token.basic == BasicData("測試病患甲", "0790101", "M")


def test_an_offline_recognition_is_not_fooled(desk: Desk, virtual: Card) -> None:
    other = desk.issue("VHC", idNo="A223456781", name="測試病患乙", birthday="0800202", sex="F")
    stolen = _home_care(desk, replace(virtual, key=other.key))
    with pytest.raises(TokenRefused, match="not signed"):
        virtual_token.recognise_offline(virtual_token.read(stolen), authority().root, desk.now)
    token = virtual_token.read(_home_care(desk, virtual))
    desk.later(minutes=5, seconds=1)
    with pytest.raises(TokenRefused, match="five minutes"):
        virtual_token.recognise_offline(token, authority().root, desk.now)


def test_a_home_care_token_is_good_online_as_well_but_once(desk: Desk, virtual: Card) -> None:
    token = _home_care(desk, virtual)
    assert [desk.scan(token)["statusCode"] for _ in range(2)] == [0, 1525]


def test_a_guardians_phone_carries_a_dependants_card(desk: Desk, virtual: Card) -> None:
    facts = {"idNo": CHILD, "name": "測試病童", "birthday": "1120601", "sex": "M"}
    child = desk.issue("VHC", **facts, guardianIdNo=PATIENT)
    carried = HealthCard.objects.filter(guardian=InsuredPerson.objects.get(id_no=PATIENT))
    assert [card.number for card in carried] == [child.number]
    assert facts_of(desk.insert(child)) == (CHILD, "測試病童")
    assert facts_of(desk.insert(virtual)) == (PATIENT, "測試病患甲")


def facts_of(desk: Desk) -> tuple[str, str]:
    reply = desk.call(BASIC, "SAM HC", "01")
    return reply["idCardNum"], reply["name"]
