"""Cloud SAMs: a password-protected file (PKCS #12) that works only on the machine that installed it.

The file is named institution code + SAM id + ``.SAM`` and lies alone in the folder of the virtual reader COMX1. Beside
it, ``installed.json`` holds its password encrypted for this machine: copied to another one, folder and all, it
cannot be opened (9202). The data centre binds the SAM to the same machine, so a second installation of the
downloaded file is refused too.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from pathlib import Path
from typing import Final

import machineid
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import pkcs12

from nhicard.formats.status_codes import Refused
from nhicard.identity import certificates, signature_block
from nhicard.identity.certificates import Role
from nhicard.identity.private_files import read_private, write_private
from nhicard.identity.signature_block import Part

SUFFIX: Final = ".SAM"
_NAME: Final = re.compile(r"(?P<institution>[0-9A-Z]{10})(?P<sam>[0-9A-Z]{12})\.SAM")
_INSTALLED: Final = "installed.json"
_NOT_ONE_FILE, _UNREADABLE, _OTHER_MACHINE, _BAD_FORMAT, _WRONG_PASSWORD = 9200, 9201, 9202, 1610, 9039


class CloudSam:
    """An installed cloud SAM (``nhicard.reader.security_module.SecurityModule``)."""

    needs_network = True

    def __init__(self, institution: str, number: str, key: ec.EllipticCurvePrivateKey, machine: str) -> None:
        self.institution = institution
        self.number = number
        self.machine = machine
        self._key = key

    def sign(self, challenge: bytes) -> Part:
        """Its part of a block."""
        return signature_block.sign_challenge(self._key, signature_block.bound(challenge, self.machine))


def install(file: Path, password: str, folder: Path) -> CloudSam:
    """Put a downloaded file into the folder and bind it to this machine; it takes the place of an earlier one.

    Raises Refused: 1610 no cloud SAM file, 9039 wrong password, 9201 unreadable, or this machine has no identity.
    """
    try:
        content = file.read_bytes()
    except OSError:
        raise Refused(_UNREADABLE) from None
    sam = _opened(file.name, content, password)
    salt = secrets.token_bytes(16)
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_machine_key(salt)).encrypt(nonce, password.encode(), file.name.encode())
    parts = {"salt": salt, "nonce": nonce, "password": sealed}
    encoded = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    write_private(folder / file.name, content)
    write_private(folder / _INSTALLED, json.dumps(encoded).encode())
    for old in folder.glob(f"*{SUFFIX}"):  # last: a file can be downloaded once only
        if old.name != file.name:
            old.unlink()
    return sam


def load(folder: Path) -> CloudSam:
    """The installed cloud SAM.

    Raises Refused: 9200 none or more than one file, 9201 not installed or unreadable, 9202 of another machine,
    1610 damaged.
    """
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if len(files) != 1:
        raise Refused(_NOT_ONE_FILE)
    try:
        sealed = {name: base64.b64decode(part) for name, part in json.loads(read_private(folder / _INSTALLED)).items()}
        content = read_private(files[0])
        key = _machine_key(sealed["salt"])
        nonce, ciphertext = sealed["nonce"], sealed["password"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Refused(_UNREADABLE) from None
    try:
        password = AESGCM(key).decrypt(nonce, ciphertext, files[0].name.encode())
    except InvalidTag:
        raise Refused(_OTHER_MACHINE) from None
    return _opened(files[0].name, content, password.decode())


def is_installed(folder: Path) -> bool:
    """Whether the folder holds a cloud SAM's file."""
    return folder.is_dir() and any(folder.glob(f"*{SUFFIX}"))


def machine_fingerprint(sam: str) -> str:
    """What the data centre learns of this machine: 64 hexadecimal digits that mean nothing elsewhere."""
    return hmac.digest(_machine(), f"nhicard cloud SAM {sam}".encode(), "sha256").hex()


def _opened(name: str, content: bytes, password: str) -> CloudSam:
    match = _NAME.fullmatch(name)
    if not match:
        raise Refused(_BAD_FORMAT, "file name")
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(content, password.encode())
    except ValueError as error:
        wrong_password = "password" in str(error).lower()
        raise Refused(_WRONG_PASSWORD if wrong_password else _BAD_FORMAT) from None
    if certificate is None or not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Refused(_BAD_FORMAT, "no key")
    try:
        subject = certificates.subject_of(certificate)
    except ValueError:
        raise Refused(_BAD_FORMAT, "certificate") from None
    facts = (subject.role, subject.institution, subject.number)
    if facts != (Role.CLOUD_SAM, match["institution"], match["sam"]):
        raise Refused(_BAD_FORMAT, "certificate of another SAM")
    return CloudSam(match["institution"], match["sam"], key, machine_fingerprint(match["sam"]))


def _machine() -> bytes:
    try:
        return str(machineid.id()).encode()
    except machineid.MachineIdNotFound:
        raise Refused(_UNREADABLE, "this machine has no identity") from None


def _machine_key(salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(_machine())
