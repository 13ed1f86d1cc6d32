"""Cloud SAMs: from the representative's application to a signature, and nowhere but on the machine that installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import machineid
import pytest

from nhicard.formats.status_codes import Refused
from nhicard.identity.private_files import write_private
from nhicard.reader import cloud_sam
from nhicard.reader.home import Home
from tests.reader.service import cloud, wire
from tests.reader.service import worlds as w
from tests.reader.service.room import CLINIC, PATIENT, PIN, Clock, Insurer, Json, Room, served


@pytest.fixture
def cloud_room(room: Room) -> Room:
    """A room with a cloud SAM and no other."""
    cloud.installed(room)
    room.remove(1)
    return room


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, this is another machine."""
    monkeypatch.setattr(machineid, "id", lambda: "another machine")


def code(room: Room, path: str, **body: str) -> int:
    """How a POST of the control software ends."""
    return int(room.local("POST", path, dict(body))["statusCode"])


def test_applied_for_approved_downloaded_once_installed_and_used(room: Room, tmp_path: Path) -> None:
    number = cloud.decided(room)
    facts: Json = {"applicationId": number, "password": cloud.PASSWORD}
    (row,) = cloud.by_representative(room, "/api/v1/CloudSam/Status")["applications"]
    assert (row["applicationId"], row["state"]) == (number, "approved")
    assert cloud.by_representative(room, "/api/v1/CloudSam/Download", **facts)["statusCode"] == 0
    assert cloud.by_representative(room, "/api/v1/CloudSam/Download", **facts)["statusCode"] == 1611
    file = cloud.downloaded(room, tmp_path)
    sam = cloud_sam.install(file, cloud.PASSWORD, room.home.cloud_sam)
    assert file.name == f"{CLINIC}{sam.number}.SAM"
    room.remove(1)
    room.opened(staff=PIN)
    assert room.local("POST", wire.SIGN_SAM, {"serviceType": "30"})["samId"] == sam.number
    tap = room.tap()
    assert (tap["statusCode"], tap["samId"]) == (0, sam.number)
    assert room.signed("HpcHc", "01", "/api/v1/Prescription/Query")["statusCode"] == 0
    assert room.signed("SAM", "03", "/api/v1/TreatmentNumber/NoCard", patientId=PATIENT)["statusCode"] == 3236


def test_only_the_representative_applies(room: Room) -> None:
    assert cloud.by_representative(room, "/api/v1/CloudSam/Apply", card="physician")["statusCode"] == 9005


def test_an_application_that_was_refused_gives_no_file(room: Room) -> None:
    facts: Json = {"applicationId": cloud.decided(room, approved=False), "password": cloud.PASSWORD}
    assert cloud.by_representative(room, "/api/v1/CloudSam/Download", **facts)["statusCode"] == 1611


@pytest.mark.usefixtures("_elsewhere")
def test_a_copied_folder_cannot_be_opened_elsewhere(home: Home, insurer: Insurer, clock: Clock, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as here, served(home, insurer, clock) as room:
        here.setattr(machineid, "id", lambda: "this machine")
        cloud.installed(room)
        assert code(room, wire.INITIAL, name="COMX1") == 0
    shutil.copytree(home.folder, tmp_path / "copy")
    with served(Home(tmp_path / "copy"), insurer, clock) as copy:
        assert code(copy, wire.INITIAL, name="COMX1") == 9202


def test_a_second_installation_of_the_same_file_is_refused_by_the_data_centre(
    room: Room, insurer: Insurer, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cloud.downloaded(room, tmp_path)
    cloud_sam.install(file, cloud.PASSWORD, room.home.cloud_sam)
    room.opened("COMX1")
    monkeypatch.setattr(machineid, "id", lambda: "another machine")
    second = Home(tmp_path / "second")
    cloud_sam.install(file, cloud.PASSWORD, second.cloud_sam)
    with served(second, insurer, clock) as there:
        assert [code(there, wire.INITIAL, name="COMX1"), code(there, wire.VERIFY_SAM)] == [0, 9202]
        assert code(there, wire.SIGN_SAM, serviceType="01") == 4050


def test_it_works_online_only_and_again_as_soon_as_there_is_a_network(cloud_room: Room) -> None:
    cloud_room.opened()
    cloud_room.insurer.reachable = False
    assert code(cloud_room, wire.SIGN_SAM, serviceType="01") == 0, "within a minute of the last contact"
    cloud_room.clock.later(seconds=61)
    assert code(cloud_room, wire.SIGN_HC, serviceType="01") == 1099
    assert code(cloud_room, wire.SIGN_SAM, serviceType="01") == 4050
    cloud_room.insurer.reachable = True
    assert [code(cloud_room, wire.VERIFY_SAM), code(cloud_room, wire.SIGN_SAM, serviceType="01")] == [0, 0]


def test_a_sam_card_works_on_without_a_network(room: Room) -> None:
    room.insurer.reachable = False
    room.opened()
    room.clock.later(minutes=5)
    assert code(room, wire.SIGN_HC, serviceType="01") == 0


def test_a_revoked_one_signs_for_a_minute_at_most(cloud_room: Room) -> None:
    cloud_room.opened()
    block = cloud_room.local("POST", wire.SIGN_SAM, {"serviceType": "03"})
    cloud.revoke(cloud_room, block["samId"])
    assert cloud_room.ask("/api/v1/TreatmentNumber/NoCard", block | {"patientId": PATIENT})["statusCode"] == 1304
    cloud_room.clock.later(seconds=61)
    assert code(cloud_room, wire.SIGN_SAM, serviceType="03") == 1304
    assert cloud_room.local("GET", wire.STATUS)["status"]["sam"]["status"] == 1


def test_it_runs_out_after_a_year(cloud_room: Room) -> None:
    cloud_room.clock.later(days=366)
    assert [code(cloud_room, wire.INITIAL), code(cloud_room, wire.VERIFY_SAM)] == [0, 9061]


NAMES = {"": "card", "COMX1": "cloud", "comx1": "cloud", "Slot 2": "card", "COM1": "card", "com3": "card"}


@pytest.mark.parametrize(("name", "chosen"), NAMES.items())
def test_card_and_cloud_stand_side_by_side_and_the_name_chooses(room: Room, name: str, chosen: str) -> None:
    ids = {"card": room.number("sam"), "cloud": cloud.installed(room)}
    for asked in (name, ids[chosen]):
        room.opened(asked)
        assert room.local("POST", wire.SIGN_SAM, {"serviceType": "01"})["samId"] == ids[chosen]
        room.local("POST", wire.FINALIZE)


def test_of_two_sam_cards_the_one_in_the_named_reader_is_chosen(room: Room) -> None:
    room.insert(2, "sam-next-room")
    for name, card in (("Slot 2", "sam-next-room"), ("Slot 1", "sam"), ("COM2", "sam-next-room"), ("", "sam")):
        room.opened(name)
        assert room.local("POST", wire.SIGN_SAM, {"serviceType": "01"})["samId"] == room.number(card)
        room.local("POST", wire.FINALIZE)


# ---- installing ----


def test_a_second_cloud_sam_takes_the_first_one_s_place(room: Room) -> None:
    first, second = cloud.installed(room), cloud.installed(room)
    assert [file.name for file in room.home.cloud_sam.glob("*.SAM")] == [f"{CLINIC}{second}.SAM"]
    assert first != second == cloud_sam.load(room.home.cloud_sam).number


@pytest.mark.parametrize(
    "call", [w.installing("wrong horse battery"), w.installing(content=b"PK")], ids=["wrong password", "no such file"]
)
def test_what_cannot_be_installed_leaves_the_installed_one_alone(room: Room, call: w.Call) -> None:
    number = cloud.installed(room)
    assert call(room)["statusCode"] != 0
    assert cloud_sam.load(room.home.cloud_sam).number == number


def test_a_power_cut_while_installing_loses_no_file(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file can be downloaded once only: until the new one is in force, both are there."""
    first = cloud.installed(room)

    def power_cut(path: Path, content: bytes) -> None:
        if path.suffix == ".json":
            raise KeyboardInterrupt
        write_private(path, content)

    monkeypatch.setattr(cloud_sam, "write_private", power_cut)
    with pytest.raises(KeyboardInterrupt):
        cloud.installed(room)
    assert (room.home.cloud_sam / f"{CLINIC}{first}.SAM").exists()
    assert len(list(room.home.cloud_sam.glob("*.SAM"))) == 2


def test_a_machine_without_identity_is_told_so(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise machineid.MachineIdNotFound

    file = cloud.downloaded(room, tmp_path)
    monkeypatch.setattr(machineid, "id", unknown)
    with pytest.raises(Refused) as refusal:
        cloud_sam.install(file, cloud.PASSWORD, room.home.cloud_sam)
    assert refusal.value.code == 9201
    assert file.exists()


def test_the_data_centre_learns_nothing_of_the_machine_but_a_fingerprint() -> None:
    prints = {cloud_sam.machine_fingerprint(sam) for sam in ("C00000000001", "C00000000001", "C00000000002")}
    assert len(prints) == 2
    assert all(len(each) == 64 and machineid.id() not in each for each in prints)
