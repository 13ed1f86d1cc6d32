"""SAMs for a made-up register, and the file of their private keys for whoever plays the institutions.

One JSON object a line: ``institution``, ``sam``, ``key`` (PKCS #8, PEM), ``certificate`` (PEM); mode 0600.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction

from nhicard.identity import certificates
from nhicard.identity.certificates import Role, Subject
from nhicard.identity.private_files import read_private, write_private
from nhicard.insurer.registry import made_up, state, versions
from nhicard.insurer.registry.authority import Authority, authority
from nhicard.insurer.registry.loading import Loaded, LoadRefused, Tell, load, quietly
from nhicard.insurer.registry.models import Certified, HealthCard, Institution, SecurityModule, StaffCard

_VALID_FOR: Final = timedelta(days=5 * 365)
_AT_ONCE: Final = 1_000

Keys = dict[str, dict[str, str]]  # lines of the file by SAM


def generate(
    institutions: int, persons: int, seed: int, now: datetime, keys: Path | None = None, tell: Tell = quietly
) -> tuple[list[Loaded], int]:
    """Make a register up: its lists, loaded as files would be, and a SAM for each institution.

    Returns what was loaded and how many certificates were issued. The same call again changes nothing; a SAM whose
    key is not in ``keys`` is certified anew. Raises LoadRefused on a register that holds anything real and for
    impossible sizes, OSError for a file of keys that cannot be read or written.
    """
    _require_nothing_real()
    tell("lists")
    sources = made_up.lists(institutions, persons, seed)
    with transaction.atomic():
        loaded = load(sources, now, may_shrink=True, tell=tell)
        codes = sources[0].rows["code"].to_list()
        return loaded, _issue(codes, now, keys, tell)


def _require_nothing_real() -> None:
    """Made-up lists would take the place of real ones."""
    real = [version for version in versions.described() if not version.source.startswith(made_up.SOURCE)]
    cards: list[type[Certified]] = [SecurityModule, HealthCard, StaffCard]
    if real or any(model._default_manager.filter(is_test=False).exists() for model in cards):
        raise LoadRefused(
            "登錄資料中已有載入的清單或正式卡片，不能再產生虛構資料；請用 --home 指定另一個資料夾。",
            "The register holds loaded lists or real cards, and made-up data would take their place; "
            "choose another folder with --home.",
        )


def _issue(codes: list[str], now: datetime, file: Path | None, tell: Tell) -> int:
    institutions = dict(Institution.objects.values_list("code", "pk"))
    registered = dict(SecurityModule.objects.values_list("number", "certificate"))
    keys = _read(file, registered) if file else {}
    numbers = {code: number_of(code) for code in codes}
    missing = [code for code in codes if _lacks(numbers[code], registered, keys if file else None)]
    signs = authority()
    rows = []
    for done, code in enumerate(missing):
        if done % _AT_ONCE == 0:
            tell(f"SAM {done:,} / {len(missing):,}")
        row, line = _certified(code, numbers[code], signs, now)
        row.institution_id = institutions[code]
        rows.append(row)
        keys[row.number] = line
    if rows:
        state.bump()
        SecurityModule.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["number"], update_fields=["certificate"]
        )
        if file:
            write_private(file, "".join(json.dumps(line) + "\n" for line in keys.values()).encode())
    return len(rows)


def number_of(code: str) -> str:
    """The number of the SAM of a made-up institution."""
    return f"T{code}0"


def _lacks(number: str, registered: dict[str, str], keys: Keys | None) -> bool:
    """Whether there is no such SAM, or its key is asked for and not known."""
    return number not in registered or (keys is not None and number not in keys)


def _certified(code: str, number: str, signs: Authority, now: datetime) -> tuple[SecurityModule, dict[str, str]]:
    key = certificates.new_key()
    subject = Subject(Role.SAM, number, institution=code)
    certificate = signs.certify(key.public_key(), subject, now - timedelta(minutes=5), now + _VALID_FOR)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    row = SecurityModule(number=number, certificate=pem, is_test=True, issued_on=now.date())
    return row, {"institution": code, "sam": number, "key": secret, "certificate": pem}


def _read(file: Path, registered: dict[str, str]) -> Keys:
    """The lines of the file whose certificates are those of the register."""
    if not file.exists():
        return {}
    try:
        lines = [json.loads(line) for line in read_private(file).splitlines()]
        found = {str(line["sam"]): dict(line) for line in lines}
    except (ValueError, KeyError, TypeError):
        raise _foreign(file) from None
    if not found.keys() <= registered.keys():
        raise _foreign(file)
    return {sam: line for sam, line in found.items() if line.get("certificate") == registered[sam]}


def _foreign(file: Path) -> LoadRefused:
    return LoadRefused(
        f"{file.name} 不是這份登錄資料的 SAM 金鑰檔，為免覆蓋未寫入；請換一個檔名。",
        f"{file.name} is not the file of the keys of this register's SAMs and was left alone; name another file.",
    )
