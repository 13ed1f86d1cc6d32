"""Cloud SAMs from the representative's application to the machine that works with one."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from tests.insurer.datacentre.calls import APPLY, DOWNLOAD, SAM_VERIFY
from tests.insurer.desk import CLINIC, NOW, OTHER_CLINIC, Card, Desk, Reply

from nhicard.identity import certificates
from nhicard.identity.certificates import Role
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.datacentre.services import security_modules
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import SecurityModule

STATUS = "/api/v1/CloudSam/Status"
PASSWORD = "十二個字以上的密碼 twelve"
MACHINE, OTHER_MACHINE = (hashlib.sha256(name).hexdigest() for name in (b"one", b"two"))


def download(desk: Desk, application: int, password: str = PASSWORD) -> Reply:
    return desk.call(DOWNLOAD, "HPC", "01", applicationId=application, password=password)


def decide(application: int, *, approved: bool) -> None:
    security_modules.decide(CloudSamApplication.objects.get(pk=application), approved=approved)


@pytest.fixture
def application(desk: Desk) -> int:
    return int(desk.call(APPLY, "HPC", "01")["applicationId"])


@pytest.fixture
def file(desk: Desk, application: int) -> Reply:
    decide(application, approved=True)
    reply = download(desk, application)
    assert reply["statusCode"] == 0
    return reply


@pytest.fixture
def installed(desk: Desk, file: Reply) -> Desk:
    """The desk with the cloud SAM in place of the physical one, bound to its machine."""
    desk = desk.with_cards(sam=_opened(file))
    assert verify(desk, MACHINE)["statusCode"] == 0
    return desk


def verify(desk: Desk, machine: Any) -> Reply:
    return desk.call(SAM_VERIFY, "SAM", "01", machine=machine)


def _opened(file: Reply) -> Card:
    content = load_pkcs12(base64.b64decode(file["content"]), PASSWORD.encode())
    assert isinstance(content.key, ec.EllipticCurvePrivateKey)
    return Card(file["fileName"][10:22], key=content.key)


# --- application --------------------------------------------------------------------------------------------


def test_the_representative_applies_and_sees_how_it_goes(desk: Desk, application: int) -> None:
    def states() -> list[dict[str, Any]]:
        return list(desk.call(STATUS, "HPC", "01")["applications"])

    assert states() == [{"applicationId": application, "state": "applied", "samId": ""}]
    assert download(desk, application)["statusCode"] == 1611
    decide(application, approved=True)
    assert states()[0]["state"] == "approved"
    file = download(desk, application)
    assert states() == [{"applicationId": application, "state": "downloaded", "samId": file["fileName"][10:22]}]


@pytest.mark.parametrize("path", [APPLY, STATUS])
def test_only_the_representative_deals_with_cloud_sams(desk: Desk, path: str) -> None:
    employee = desk.issue("HPC", idNo="A223456781", name="測試護理師", profession="nurse")
    assert desk.with_cards(hpc=employee).call(path, "HPC", "01")["statusCode"] == 9005
    assert desk.elsewhere(OTHER_CLINIC).call(path, "HPC", "01")["statusCode"] == 9005
    assert desk.call(path, "HPC", "01")["statusCode"] == 0
    assert desk.call(path, "SAM HPC", "01")["statusCode"] == 0, "with or without a SAM"


def test_an_application_that_was_refused_gives_no_file(desk: Desk, application: int) -> None:
    decide(application, approved=False)
    assert download(desk, application)["statusCode"] == 1611


def test_an_application_is_decided_once(desk: Desk, application: int) -> None:
    stale = CloudSamApplication.objects.get(pk=application)
    decide(application, approved=True)
    assert download(desk, application)["statusCode"] == 0
    with pytest.raises(ValueError, match="decided before"):
        security_modules.decide(stale, approved=True)
    assert download(desk, application)["statusCode"] == 1611


def test_another_institutions_application_is_not_downloaded(desk: Desk, application: int) -> None:
    decide(application, approved=True)
    other = desk.elsewhere()
    head = other.issue("HPC", idNo="A223456781", name="別家負責人", hospitalId=OTHER_CLINIC, representative=True)
    assert download(other.with_cards(hpc=head), application)["statusCode"] == 1611
    assert download(desk, application)["statusCode"] == 0


# --- the file -----------------------------------------------------------------------------------------------


def test_the_file_bears_institution_and_number_and_opens_with_the_password_only(file: Reply) -> None:
    name = file["fileName"]
    assert (name[:10], len(name), name[-4:]) == (CLINIC, 26, ".SAM")
    content = base64.b64decode(file["content"])
    for wrong in (None, b"", PASSWORD[:-1].encode()):
        with pytest.raises(ValueError, match=r"(?i)password|MAC"):
            load_pkcs12(content, wrong)
    opened = load_pkcs12(content, PASSWORD.encode())
    assert opened.cert is not None
    assert isinstance(opened.key, ec.EllipticCurvePrivateKey)
    subject = certificates.verify(opened.cert.certificate, authority().root, NOW)
    assert (subject.role, subject.number, subject.institution) == (Role.CLOUD_SAM, name[10:22], CLINIC)
    assert certificates.public_key_of(opened.cert.certificate) == opened.key.public_key()
    assert [each.certificate for each in opened.additional_certs] == [authority().root]


def test_the_file_is_given_once(desk: Desk, application: int, file: Reply) -> None:
    assert download(desk, application)["statusCode"] == 1611


@pytest.mark.parametrize(("password", "status"), [("x" * 11, 9041), ("", 9041), ("x" * 12, 0), ("x" * 201, 1706)])
def test_a_short_password_is_refused_and_the_file_stays_to_be_had(
    desk: Desk, application: int, password: str, status: int
) -> None:
    decide(application, approved=True)
    assert download(desk, application, password)["statusCode"] == status
    assert SecurityModule.objects.filter(is_cloud=True).exists() is (status == 0)
    if status:
        assert download(desk, application)["statusCode"] == 0


# --- at work ------------------------------------------------------------------------------------------------


def test_a_cloud_sam_works_beside_the_physical_one(desk: Desk, installed: Desk) -> None:
    assert installed.tap()["statusCode"] == 0
    desk.later(seconds=1)
    assert desk.tap()["sequenceNumber"] == "0002"


def test_a_cloud_sam_belongs_to_the_machine_that_first_verified_it(installed: Desk) -> None:
    assert verify(installed, OTHER_MACHINE)["statusCode"] == 9202
    assert verify(installed, "")["statusCode"] == 1705
    reply = verify(installed, MACHINE)
    assert (reply["statusCode"], reply["hospitalId"], reply["hospitalName"]) == (0, CLINIC, "測試診所")
    assert SecurityModule.objects.get(number=installed.sam.number).machine == MACHINE


def test_a_physical_sam_needs_no_machine(desk: Desk) -> None:
    assert [verify(desk, machine)["statusCode"] for machine in ("", MACHINE, OTHER_MACHINE)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("after", "status"),
    [(policy.CLOUD_SAM_VALIDITY, 0), (policy.CLOUD_SAM_VALIDITY + timedelta(seconds=1), 9061)],
    ids=["last second", "over"],
)
def test_a_cloud_sam_expires(installed: Desk, after: timedelta, status: int) -> None:
    installed.at(NOW + after)
    assert verify(installed, MACHINE)["statusCode"] == status


def test_a_revoked_cloud_sam_signs_nothing_more(installed: Desk) -> None:
    security_modules.revoke(installed.sam.number, NOW + timedelta(minutes=1))
    assert installed.tap()["statusCode"] == 0, "not before its time"
    installed.later(minutes=1)
    assert installed.tap()["statusCode"] == 1304
    security_modules.revoke(installed.sam.number, NOW + timedelta(days=1))
    assert installed.tap()["statusCode"] == 1304, "revoking again does not postpone it"
