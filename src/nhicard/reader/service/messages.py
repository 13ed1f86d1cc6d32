"""Requests and replies of the local service, under their names on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _as_text(value: Any) -> Any:
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, max_length=200)]
LongText = Annotated[str, BeforeValidator(_as_text), StringConstraints(strip_whitespace=True, max_length=8000)]


class Nothing(BaseModel):
    """A request without facts; clients send ``{}`` with GET and DELETE too, or nothing at all."""

    model_config = ConfigDict(extra="ignore")


class Named(Nothing):
    name: Text = Field("", description="SAM id, reader name, COMn, COMX1, or empty for whatever there is")


class ServiceType(Nothing):
    serviceType: Text = Field("", description="01 read, 02 write, 03 tap, 04 update, 06 test QR, 30 upload, 91 cloud")


class Pin(Nothing):
    pin: Text = Field("", description="000000, sent for a reader with a keypad, is tried like any other PIN")


class NewPin(Nothing):
    newPin: Text = ""


class NewPatientPin(NewPin):
    puk: Text = Field("", description="only where the PIN is blocked or forgotten")


class NewPinByPuk(NewPin):
    puk: Text = ""


class Token(Nothing):
    token: LongText = Field("", description="text of the QR code")


class TransferToken(Nothing):
    transferToken: Text = ""


class Reply(BaseModel):
    """What every reply has."""

    statusCode: int = 0
    message: str = ""


class CardStatus(BaseModel):
    status: int = 0


class SessionStatus(BaseModel):
    initialized: bool = False
    sam: CardStatus = CardStatus()
    hpc: CardStatus = CardStatus()
    hc: CardStatus = CardStatus()


class Status(Reply):
    status: SessionStatus = SessionStatus()


class DeviceState(BaseModel):
    name: str
    kind: str
    cardPresent: bool


class DeviceList(Reply):
    devices: list[DeviceState] = []
    reason: str = ""


class SamVerified(Reply):
    samId: str = ""
    hospitalId: str = ""
    hospitalName: str = ""
    hospitalShortName: str = ""


class SignatureBlock(Reply):
    clientRandom: str = ""
    hospitalId: str = ""
    samId: str = ""
    signature: str = ""
    hcId: str = ""
    hcIdNo: str = ""
    hpcId: str = ""
    hpcIdNo: str = ""


class BasicData(Reply):
    cardSn: str = ""
    name: str = ""
    idCardNum: str = ""
    birthday: str = ""
    sex: str = ""
    dateIssue: str = ""


class VirtualCard(Reply):
    cardId: str = ""
    name: str = ""
    idNo: str = ""
    birthday: str = ""
    sex: str = ""
    identityStatus: str = ""
    offline: bool = False


class Transfer(Reply):
    transferToken: str = ""
