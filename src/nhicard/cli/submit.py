"""``nhicard submit``: one file to the insurer, and its result as the insurer gives it."""

from __future__ import annotations

import base64
import io
import ssl
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from nhicard.formats import rocdate
from nhicard.reader.client import Reader

_PATHS: Final = {"web": "/V2000/VNHI_", "vpn": "/vpn/v1/"}
_NOT_READY: Final = "5002"
_OK: Final = "0000"


class NotAccepted(Exception):
    """The insurer did not take the upload or gives no result; the message has its return code."""


@dataclass(frozen=True, slots=True)
class Insurer:
    """Where uploads go, and the control software that signs them."""

    url: str
    ca: Path | None
    reader: Reader
    via: str

    def upload(self, content: bytes, kind: str) -> dict[str, Any]:
        """Send a file; the reply. Raises NotAccepted, StatusError, UnusableAnswer, httpx.TransportError."""
        facts = {
            "sPatData": base64.b64encode(content).decode(),
            "sUploadDT": f"{rocdate.now():%Y%m%d%H%M%S}000",
        }
        reply = self._post("Upload", kind, facts)
        if reply["rtnCode"] != _OK:
            raise NotAccepted(f"{reply['rtnCode']} {reply.get('message', '')}".strip())
        return reply

    def result(self, receipt: str, kind: str, *, wait: float, pause: float = 1.0) -> str:
        """The result's text, empty where nothing is to be said of any record; waits for it. Raises as ``upload``."""
        deadline = time.monotonic() + wait
        while True:
            reply = self._post("Download", kind, {"sOpcode": receipt})
            if reply["rtnCode"] == _OK:
                return _text(reply)
            if reply["rtnCode"] != _NOT_READY or time.monotonic() > deadline:
                raise NotAccepted(f"{reply['rtnCode']} {reply.get('message', '')}".strip())
            time.sleep(pause)

    def _post(self, service: str, kind: str, facts: dict[str, str]) -> dict[str, Any]:
        block = self.reader.upload_signature()
        body = {
            "sSamid": block["samId"],
            "sHospid": block["hospitalId"],
            "sClientrandom": block["clientRandom"],
            "sSignature": block["signature"],
            "sType": kind,
        }
        verify: Any = ssl.create_default_context(cafile=str(self.ca)) if self.ca else True
        with httpx.Client(base_url=self.url, verify=verify, timeout=120) as client:
            response = client.post(_PATHS[self.via] + service, json=body | facts)
        reply: dict[str, Any] = response.raise_for_status().json()
        return reply


def _text(reply: dict[str, Any]) -> str:
    if "tx_result_json" in reply:
        return base64.b64decode(reply["tx_result_json"]).decode("cp950")
    content = base64.b64decode(reply["content"])
    if not content:
        return ""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(archive.read(name).decode("cp950") for name in archive.namelist())
