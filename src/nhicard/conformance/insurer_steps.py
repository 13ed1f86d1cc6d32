"""What a case can do with the Web API: ask once, ask many at once, wait for a result.

``ask``: ``service`` Upload (default) or Download, ``version`` V2000 (default) or V1000, ``kind`` (sType, A2),
``file`` of data/files.yaml, ``receipt``, ``spelling`` of the keys, ``by`` (sam, other, revoked), ``signed`` (age in
minutes, service type), ``spoilt`` signature, ``signature_of`` an earlier step, ``set`` and ``drop`` of keys, ``body``
(text in place of JSON), ``times`` at once; ``keep`` names what later steps may use.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from nhicard.conformance import payloads
from nhicard.conformance.answers import Answer, ResultText
from nhicard.conformance.expectations import OF_ANSWERS, OF_RESULTS, NotAsExpected, filled
from nhicard.conformance.payloads import Payload
from nhicard.conformance.records import Facts
from nhicard.conformance.signing import Signer, spoilt
from nhicard.identity.keyring import KeyRing

_SPELLINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "csharp": lambda key: key,
    "python": lambda key: {"sSamid": "sSamId", "sHospid": "sHospId", "sClientrandom": "sClientRandom"}.get(key, key),
    "lower": str.lower,
    "upper": str.upper,
}
NOT_READY: Final = "5002"


@dataclass
class Insurer:
    """The Web API under test and what cases share: each named file is uploaded and waited for once (``results``: the
    answer to its download, and what was sent)."""

    client: httpx.Client
    signers: Mapping[str, Signer]
    now: Callable[[], datetime]
    keys: KeyRing | None = None
    patience: float = 60.0
    pause: float = 0.3
    results: dict[str, tuple[Answer, dict[str, str]]] = field(default_factory=dict)

    def run(self, steps: tuple[Mapping[str, Any], ...]) -> str:
        """Do the steps of a case; what the last one saw. Raises NotAsExpected, CannotSign."""
        told: dict[str, str] = {}
        seen = ""
        for step in steps:
            seen = self._ask(step, told) if "ask" in step else self._wait(step, told)
        return seen

    # ---- asking ----

    def _ask(self, step: Mapping[str, Any], told: dict[str, str]) -> str:
        wish = step["ask"]
        body = self._body(wish, told)
        times = int(wish.get("times", 1))
        with ThreadPoolExecutor(times) as together:
            answers = list(together.map(lambda _: self._post(wish, body), range(times)))
        for answer in answers:
            _require(answer, step.get("expect", {}), told)
        if len({answer.value("opCode") for answer in answers}) > 1:
            raise NotAsExpected("the same request at the same time got different receipts")
        if name := step.get("keep"):
            told[name] = str(answers[0].value("opCode") or answers[0].value("tx_result_json") or "")
            told |= {f"{name}_{key.lower()}": value for key, value in body.items() if isinstance(value, str)}
        return answers[0].shown()

    def _body(self, wish: Mapping[str, Any], told: dict[str, str]) -> dict[str, Any]:
        signed = wish.get("signed", {})
        signer = self.signers[wish.get("by", "sam")]
        now = self.now()
        block = signer.sign(now, signed.get("service", "30"), timedelta(minutes=signed.get("age", 0)))
        told |= {"institution": block["hospitalId"], "sam": block["samId"], "now": f"{now:%Y%m%d%H%M%S}"}
        if earlier := wish.get("signature_of"):
            block |= {"clientRandom": told[f"{earlier}_sclientrandom"], "signature": told[f"{earlier}_ssignature"]}
        if how := wish.get("spoilt"):
            block["signature"] = spoilt(block["signature"], how)
        body: dict[str, Any] = {
            "sSamid": block["samId"],
            "sHospid": block["hospitalId"],
            "sClientrandom": block["clientRandom"],
            "sSignature": block["signature"],
            "sType": wish.get("kind", "A2"),
        }
        if wish.get("service", "Upload") == "Upload":
            body |= self._content(wish, block, told)
        else:
            body["sOpcode"] = filled(wish.get("receipt", ""), told)
        body |= filled(wish.get("set", {}), told)
        return {key: value for key, value in body.items() if key not in wish.get("drop", ())}

    def _content(self, wish: Mapping[str, Any], block: Mapping[str, str], told: dict[str, str]) -> dict[str, str]:
        if same := wish.get("file_of"):
            return {"sPatData": told[f"{same}_spatdata"], "sUploadDT": told["now"] + "000"}
        if "file" not in wish:
            return {"sPatData": ""}
        payload = self._payload(wish["file"], block)
        packed = base64.b64encode(payload.content).decode()
        told |= _of_payload(payload)
        return {
            "sMrecs": str(len(payload.records)),
            "sPrecs": str(payload.orders),
            "sPatData": packed,
            "sUploadDT": told["now"] + "000",
        }

    def _payload(self, name: str, block: Mapping[str, str]) -> Payload:
        return payloads.made(name, Facts(block["hospitalId"], block["samId"], self.now(), self.keys))

    def _post(self, wish: Mapping[str, Any], body: Mapping[str, Any]) -> Answer:
        spell = _SPELLINGS[wish.get("spelling", "csharp")]
        content = wish["body"] if "body" in wish else json.dumps({spell(key): value for key, value in body.items()})
        path = f"/{wish.get('version', 'V2000')}/VNHI_{wish.get('service', 'Upload')}"
        headers = {"content-type": wish.get("content_type", "application/json"), "accept": "application/json"}
        try:
            return Answer.of(self.client.post(path, content=content, headers=headers))
        except httpx.HTTPError as error:
            return Answer(0, "", f"no answer: {type(error).__name__}")

    # ---- waiting ----

    def _wait(self, step: Mapping[str, Any], told: dict[str, str]) -> str:
        """The result of a file, uploaded before this case needed it or now."""
        name = step["wait"]
        if name not in self.results:
            self.results[name] = self._result_of(name)
        answer, facts = self.results[name]
        told |= facts
        result = ResultText.of(answer)
        if result is None:
            raise NotAsExpected(f"no result: {answer.shown()}")
        for word, wanted in step["expect"].items():
            if wrong := OF_RESULTS[word](result, wanted, told):
                raise NotAsExpected(wrong)
        return f"{len(result.blocks)} blocks; heading {result.brackets[3:]}"

    def _result_of(self, name: str) -> tuple[Answer, dict[str, str]]:
        told: dict[str, str] = {}
        wish = {"file": name}
        answer = self._post(wish, self._body(wish, told))
        receipt = answer.value("opCode")
        if answer.code != "0000" or not isinstance(receipt, str):
            return answer, told
        until = time.monotonic() + self.patience
        download = {"service": "Download", "receipt": receipt}
        while True:
            answer = self._post(download, self._body(download, {}))
            if answer.code != NOT_READY or time.monotonic() > until:
                return answer, told | {"receipt": receipt}
            time.sleep(self.pause)


def _of_payload(payload: Payload) -> dict[str, str]:
    """What expectations may quote: size, counts, and each field of each visit as ``M03_1``."""
    fields = {
        f"{name}_{place}": value
        for place, (visit, _) in enumerate(payload.records[:20], 1)
        for name, value in visit.items()
    }
    counts = {"size": len(payload.content), "records": len(payload.records), "orders": payload.orders}
    return fields | {name: str(value) for name, value in counts.items()}


def _require(answer: Answer, expected: Mapping[str, Any], told: Mapping[str, str]) -> None:
    for word, wanted in {"http": 200, **expected}.items():
        if wrong := OF_ANSWERS[word](answer, wanted, told):
            raise NotAsExpected(f"{wrong}; seen: {answer.shown()}")
