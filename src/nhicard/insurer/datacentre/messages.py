"""Requests and replies on the wire. Values may come as strings, numbers or padded; every reply key is always there."""

from __future__ import annotations

from typing import Annotated, Any, Final

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints


def _as_text(value: Any) -> Any:
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_number(value: Any) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return 0
    return value.strip() if isinstance(value, str) else value


# Control characters have no place in a value; one that separates signed facts would let two pose as one.
_PLAIN: Final = r"^[^\x00-\x1f\x7f]*$"
_NO_NUL: Final = r"^[^\x00]*$"  # a PEM has line ends, no text has NUL
Text = Annotated[
    str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN)
]
LongText = Annotated[
    str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, max_length=8000, pattern=_NO_NUL)
]
AfterCheck = Annotated[Text, StringConstraints(pattern=r"^[12]?$")]
Fee = Annotated[int, BeforeValidator(_as_number), Field(ge=0, le=99_999_999)]


class Body(Schema):
    """A request; keys nobody asked for are ignored."""

    model_config = ConfigDict(extra="ignore")


class Signed(Body):
    """The signature block that every request of a reader carries."""

    clientRandom: Text = Field(description="random of this signature, from the control software")
    hospitalId: Text = Field(description="醫事機構代碼")
    samId: Text = Field("", description="安全模組代碼")
    signature: LongText = Field(description="base64, see docs/reader.md")
    hcId: Text = Field("", description="健保卡卡號")
    hcIdNo: Text = ""
    hpcId: Text = Field("", description="醫事人員卡卡號")
    hpcIdNo: Text = ""


class Timed(Signed):
    treatmentDateTime: Text = Field(description="過卡日期時分秒, ROC 13 digits")


class NextNumber(Signed):
    treatmentItem: Text = Field(description="就醫類別")
    babyTreatment: Annotated[Text, StringConstraints(max_length=1)] = ""
    afterCheck: AfterCheck = Field("1", description="1 正常, 2 補卡")


class Patient(Signed):
    patientId: Text


class CodesAndFees(Timed):
    afterCheck: AfterCheck = ""
    mainCode: Text = Field(description="ICD-10-CM without dot")
    subCode1: Text = ""
    subCode2: Text = ""
    subCode3: Text = ""
    subCode4: Text = ""
    subCode5: Text = ""
    outpatientFee: Fee = 0
    costFee: Fee = 0
    inpatientFee: Fee = 0
    inpatient30Fee: Fee = 0
    inpatient180Fee: Fee = 0


class Order(Body):
    days: Annotated[Text, StringConstraints(max_length=2)] = ""
    deliveryNotes: Annotated[Text, StringConstraints(max_length=2)] = ""
    totalQuantity: Annotated[Text, StringConstraints(max_length=7)] = ""
    treatmentDateTime: Text = ""
    treatmentItem: Annotated[Text, StringConstraints(max_length=1)] = ""
    treatmentItemCode: Annotated[Text, StringConstraints(min_length=1, max_length=12)]
    treatmentPosition: Annotated[Text, StringConstraints(max_length=6)] = ""
    usage: Annotated[Text, StringConstraints(max_length=18)] = ""


class Prescriptions(Timed):
    prescriptions: list[Order] = Field(min_length=1, max_length=500)


class AccessToken(Signed):
    accessToken: Text


class VirtualToken(Signed):
    token: LongText = Field(description="text of the QR code")


class TransferToken(Signed):
    transferToken: Text


class Machine(Signed):
    machine: Annotated[Text, StringConstraints(max_length=64)] = Field(
        "", description="fingerprint of the machine, for cloud SAMs"
    )


class Download(Signed):
    applicationId: Annotated[int, BeforeValidator(_as_number), Field(ge=0, le=2**31)]
    password: Annotated[str, StringConstraints(max_length=200)]


class Phone(Body):
    """A request of the patient's phone, signed by the virtual card's key."""

    cardSn: Text
    message: LongText = Field(description="base64 of the signed JSON")
    signature: LongText = Field(description="base64 of the raw P-256 signature")


class TestPatient(Body):
    """A made-up patient for a test QR code."""

    __test__ = False

    sex: Text
    birthday: Text
    isForeigner: bool = False


class TestPatientSigned(Signed, TestPatient):
    """The same, asked for by a SAM."""

    __test__ = False


class TestCard(Body):
    """A card for tests."""

    __test__ = False

    kind: Text = Field(description="SAM, HC, HPC or VHC")
    publicKey: LongText = Field(description="P-256, PEM")
    hospitalId: Text = ""
    hospitalName: Annotated[Text, StringConstraints(max_length=100)] = ""
    hospitalKind: Text = ""
    idNo: Text = ""
    name: Annotated[Text, StringConstraints(max_length=20)] = ""
    birthday: Text = ""
    sex: Text = ""
    profession: Text = ""
    guardianIdNo: Text = ""
    representative: bool = False


class Reply(Schema):
    """What every reply has."""

    statusCode: int = 0
    message: str = ""


class BasicData(Reply):
    cardSn: str = ""
    name: str = ""
    idCardNum: str = ""
    birthday: str = ""
    sex: str = ""
    dateIssue: str = ""
    cancelTermination: str = ""


class Validity(Reply):
    cardValidity: str = ""
    treatmentCounter: int = 0


class RegisterData(BasicData, Validity):
    insurerCode: str = ""
    insurerId: str = ""
    newbornBirthday: str = ""
    newbornBaby: str = ""


class Telephone(Reply):
    tel: str = ""


class CriticalIllness(Schema):
    ciCode: str = ""
    validityStart: str = ""
    validityEnd: str = ""


class CriticalIllnesses(Reply):
    criticalIllnesses: list[CriticalIllness] = []


class Treatment(Schema):
    treatmentItem: str = ""
    treatDateTime: str = ""
    afterCheck: str = ""
    hospitalVisit: str = ""
    hospitalId: str = ""
    outpatientFee: int = 0
    costFee: int = 0
    inpatientFee: int = 0
    inpatient30Fee: int = 0
    inpatient180Fee: int = 0


class Treatments(CriticalIllnesses):
    treatments: list[Treatment] = []


class Diagnosis(Schema):
    treatDateTime: str = ""
    mainCode: str = ""
    subCode1: str = ""
    subCode2: str = ""
    subCode3: str = ""
    subCode4: str = ""
    subCode5: str = ""


class Diagnoses(Reply):
    treatments: list[Diagnosis] = []


class PrescribedOrder(Schema):
    treatmentDateTime: str = ""
    treatmentItem: str = ""
    treatmentItemCode: str = ""
    treatmentPosition: str = ""
    usage: str = ""
    days: str = ""
    totalQuantity: str = ""


class PrescribedOrders(Reply):
    outpatientPrescriptions: list[PrescribedOrder] = []


class SequenceNumber(Reply):
    treatmentDateTime: str = ""
    sequenceNumber: str = ""
    hospitalId: str = ""
    signature: str = ""
    samId: str = ""
    isSameDay: bool = False
    treatmentNumber: str = ""


class Identifier(Reply):
    treatmentNumber: str = ""


class IdentifierWithoutCard(Identifier):
    treatmentDateTime: str = ""
    hospitalId: str = ""


class OrderSignatures(Reply):
    signatureItems: list[str] = []
    hexSignatureItems: list[str] = []


class TelemedicineToken(Reply):
    accessToken: str = ""


class TelemedicineAnswer(Reply):
    virtualCardToken: str = ""


class TelemedicineRequest(Schema):
    accessToken: str = ""
    hospitalId: str = ""
    hospitalName: str = ""


class TelemedicineRequests(Reply):
    requests: list[TelemedicineRequest] = []


class VirtualBasic(Reply):
    cardId: str = ""
    name: str = ""
    idNo: str = ""
    birthday: str = ""
    sex: str = ""
    identityStatus: str = ""


class VirtualSession(VirtualBasic):
    sessionSecret: str = ""


class Transfer(Reply):
    transferToken: str = ""


class SamVerified(Reply):
    samId: str = ""
    hospitalId: str = ""
    hospitalName: str = ""
    hospitalShortName: str = ""
    rootCertificate: str = Field("", description="the insurer's root, PEM, to recognise cards without a network")


class Application(Reply):
    applicationId: int = 0
    state: str = ""
    samId: str = ""


class ApplicationState(Schema):
    applicationId: int = 0
    state: str = ""
    samId: str = ""


class Applications(Reply):
    applications: list[ApplicationState] = []


class SamFile(Reply):
    fileName: str = ""
    content: str = ""


class TestQr(Reply):
    __test__ = False

    qrCode: str = ""
    cardId: str = ""


class TestCardIssued(Reply):
    __test__ = False

    number: str = ""
    certificate: str = ""
