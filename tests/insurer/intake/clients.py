"""The public clients of the upload services, as they are in the field."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from tests.insurer.desk import CLINIC, NOW, Desk

from nhicard.checks.context import Context
from nhicard.checks.reference import References
from nhicard.formats.batch import build
from nhicard.formats.tables import Edition
from nhicard.formats.writer import write
from nhicard.insurer.intake.worker import Worker

Fields = dict[str, str]
VISIT20: Fields = {
    "H00": "1",
    "H01": "A",
    "M03": "A123456789",
    "M05": CLINIC,
    "M07": "01",
    "M11": "1150302080000",
    "M23": "2",
}


def a_file(*visits: Fields, edition: Edition = "2.0") -> bytes:
    """A Big5 upload file with a record for each visit, no orders."""
    return write(build(edition, [(visit, []) for visit in visits]))


def worker(**context: Any) -> Worker:
    """A worker without lists: only what the records themselves say counts."""
    facts: dict[str, Any] = {"as_of": NOW, "references": References()} | context
    return Worker(lambda: Context(**facts))


@dataclass(frozen=True)
class PublicClient:
    """How one client spells keys, writes bytes and counts."""

    name: str
    upload: dict[str, str]
    utf8_under_big5_prolog: bool
    counts: bool
    code: str
    receipt: str
    path: str = "/V2000"

    def body(self, desk: Desk, content: bytes, kind: str) -> dict[str, Any]:
        block = desk.block("SAM", "30")
        if self.utf8_under_big5_prolog:
            content = content.decode("big5").encode()
        facts = {
            "sSamid": block["samId"],
            "sHospid": block["hospitalId"],
            "sClientrandom": block["clientRandom"],
            "sSignature": block["signature"],
            "sType": kind,
            "sPatData": base64.b64encode(content).decode(),
            "sUploadDT": f"{desk.now:%Y%m%d%H%M%S}000",
        }
        if self.counts:
            facts |= {"sMrecs": "1", "sPrecs": "0"}
        return {self.upload.get(key, key): value for key, value in facts.items()}

    def send(self, desk: Desk, content: bytes, kind: str = "A2") -> dict[str, Any]:
        """Upload; the reply."""
        return self.post(desk, "VNHI_Upload", self.body(desk, content, kind))

    def fetch(self, desk: Desk, receipt: str, kind: str = "A2", **headers: str) -> dict[str, Any]:
        """Ask for the result; the reply."""
        body = self.body(desk, b"", kind)
        del body["sPatData"]
        return self.post(desk, "VNHI_Download", body | {"sOpcode": receipt}, **headers)

    def post(self, desk: Desk, service: str, body: Any, **headers: str) -> dict[str, Any]:
        content = body if isinstance(body, str) else json.dumps(body)
        response = desk.client.post(
            f"{self.path}/{service}", content, content_type="application/json", headers=headers or None
        )
        assert response.status_code == 200
        reply: dict[str, Any] = response.json()
        return reply


CSHARP = PublicClient("C#", {}, True, True, "rtnCode", "opCode")
JAVA = PublicClient("Java", {}, False, False, "rtnCode", "opCode", path="/V1000")
PYTHON = PublicClient(
    "Python",
    {"sSamid": "sSamId", "sHospid": "sHospId", "sClientrandom": "sClientRandom"},
    True,
    False,
    "RtnCode",
    "Opcode",
)
CLIENTS = [CSHARP, JAVA, PYTHON]


def text_of(reply: dict[str, Any], encoding: str = "big5") -> str:
    """The result text of a download's reply."""
    return base64.b64decode(reply["tx_result_json"]).decode(encoding)
