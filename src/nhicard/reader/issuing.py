"""New cards for tests and demos: the key pair is made here, the data centre's test service certifies it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.identity.certificates import new_key
from nhicard.reader.cards import image
from nhicard.reader.cards.applications import Kind
from nhicard.reader.phone import Post, VirtualCardFile

VIRTUAL = "VHC"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose card it is, or which institution's. A person has ID, name, birth date and sex."""

    institution: str = ""
    institution_name: str = ""
    institution_kind: str = ""
    id_no: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birthday: date | None = field(default=None, repr=False)
    sex: str = ""
    profession: str = ""
    guardian: str = field(default="", repr=False)
    representative: bool = False


def issue(
    kind: str,
    holder: Holder,
    path: Path,
    *,
    post: Post,
    today: date,
    pin: str | None = None,
    puk: str | None = None,
) -> str:
    """Make a card of kind HC, HPC, SAM or VHC, have it certified and keep it in a file; returns its number.

    Raises Refused as the data centre answers, ValueError for what no card can hold, FileExistsError.
    """
    if path.exists():
        raise FileExistsError(f"{path.name} 已存在。There is a card {path.name} already.")
    if holder.name:
        image.encode_name(holder.name)
    key = new_key()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    birthday = rocdate.format_date(holder.birthday) if holder.birthday else ""
    wish: dict[str, Any] = {
        "kind": kind,
        "publicKey": public,
        "hospitalId": holder.institution,
        "hospitalName": holder.institution_name,
        "hospitalKind": holder.institution_kind,
        "idNo": holder.id_no,
        "name": holder.name,
        "birthday": birthday,
        "sex": holder.sex,
        "profession": holder.profession,
        "guardianIdNo": holder.guardian,
        "representative": holder.representative,
    }
    reply = post("/test/v1/Card/Issue", wish)
    number, pem = reply["number"], reply["certificate"]
    if kind == VIRTUAL:
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        VirtualCardFile(number, holder.id_no, holder.name, birthday, holder.sex, private, pem).save(path)
        return str(number)
    facts: dict[Kind, dict[str, Any]] = {
        Kind.SAM: {"institution": holder.institution},
        Kind.HPC: {"person_id": holder.id_no, "name": holder.name, "pin": pin, "puk": puk},
        Kind.HC: {
            "person_id": holder.id_no,
            "name": holder.name,
            "birth_date": holder.birthday,
            "sex": holder.sex,
            "issue_date": today,
            "pin": pin,
            "puk": puk,
        },
    }
    certificate = x509.load_pem_x509_certificate(pem.encode())
    image.save(image.new_image(Kind(kind), number, key, certificate, **facts[Kind(kind)]), path)
    return str(number)


def made_up_id(sex: str) -> str:
    """A valid national ID for a made-up person; sex M or F."""
    stem = secrets.choice("ABCDEFGH") + ("1" if sex == "M" else "2") + f"{secrets.randbelow(10**7):07}"
    return str(national_id.with_check_digit([stem])[0])
