"""A card's file: what it may hold, who may read it, and that it is never half a card."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.reader.cards.card_factory import HOLDERS, key_pair, make_card, make_image

from nhicard.identity.private_files import PrivateFileExposed
from nhicard.reader.cards import operations as op
from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.cards.applications import Kind
from nhicard.reader.cards.image import DamagedImage, encode_name, load, save, update

HC, HPC, SAM = Kind.HC, Kind.HPC, Kind.SAM
PIN = {"pin": "1357", "puk": "24681357"}
on_posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


@pytest.mark.parametrize("kind", Kind)
def test_an_image_comes_back_as_it_was(kind: Kind, tmp_path: Path) -> None:
    image = make_image(kind)
    save(image, tmp_path / "card.json")
    assert load(tmp_path / "card.json") == image


@on_posix
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    made = make_card(tmp_path, HC, **PIN)
    op.verify_pin(made.card, "1357")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"card.json": 0o600, ".card.json.lock": 0o600}


@on_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = make_card(tmp_path, HC).path
    path.chmod(mode)
    with pytest.raises(PrivateFileExposed, match="chmod 600"):
        load(path)


def test_neither_pin_nor_key_shows(tmp_path: Path) -> None:
    made = make_card(tmp_path, HC, **PIN)
    content = made.path.read_text(encoding="utf-8")
    assert not any(f'"{code}"' in content for code in PIN.values())
    shown = repr(load(made.path))
    assert not any(text in shown for text in ("PRIVATE KEY", "A123456789", "測試病患甲", "000000000012", "1990"))


def test_two_cards_with_one_pin_have_different_hashes() -> None:
    one, other = (make_image(HPC).pin for _ in range(2))
    assert one
    assert other
    assert (one.salt, one.digest) != (other.salt, other.digest)


REFUSED: dict[str, tuple[Kind, dict[str, Any]]] = {
    "number too short": (HC, {"number": "00000000001"}),
    "number not ASCII": (HC, {"number": "０" * 12}),
    "no name": (HC, {"name": None}),
    "blank name": (HC, {"name": "  "}),
    "name not in Big5": (HC, {"name": "测试"}),
    "name with an emoji": (HC, {"name": "測試😀"}),
    "name of 22 bytes": (HC, {"name": "測" * 11}),
    "name with a line break": (HC, {"name": "測\n試"}),
    "no birth date": (HC, {"birth_date": None}),
    "born before the ROC": (HC, {"birth_date": dt.date(1911, 12, 31)}),
    "sex": (HC, {"sex": "1"}),
    "person": (HC, {"person_id": "A12345678"}),
    "PIN of three": (HC, {"pin": "123"}),
    "patient with an institution": (HC, {"institution": "3501200000"}),
    "staff card without PIN": (HPC, {"pin": None}),
    "staff card without PUK": (HPC, {"puk": None}),
    "SAM without institution": (SAM, {"institution": None}),
    "SAM with a PIN": (SAM, {"pin": "1357"}),
    "another key": (SAM, {"private_key": ec.generate_private_key(ec.SECP256R1())}),
    "another curve": (SAM, {"private_key": ec.generate_private_key(ec.SECP384R1())}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_card_that_cannot_be(name: str) -> None:
    kind, changes = REFUSED[name]
    with pytest.raises(ValueError, match=r"\w") as refusal:
        make_image(kind, **changes)
    personal = {
        part: value for part, value in (HOLDERS[kind] | changes).items() if part in ("person_id", "name", "pin")
    }
    assert not any(str(value) in str(refusal.value) for value in personal.values() if value and str(value).strip())


@pytest.mark.parametrize("name", ["測" * 10, "碁恒", "①", "\ue000", "A. B. Test", "〇"])
def test_names_that_fit(name: str, tmp_path: Path) -> None:
    assert len(encode_name(name)) == 20
    assert op.read_basic_data(make_card(tmp_path, HC, name=name).card).name == name


def without(part: str) -> Any:
    return lambda content: {key: value for key, value in content.items() if key != part}


DAMAGE: dict[str, Any] = {
    "another format": lambda content: content | {"format": "nhicard card image 2"},
    "another kind": lambda content: content | {"kind": "VISA"},
    "a list": lambda content: [content],
    "a number": lambda _: 1,
    "null": lambda _: None,
    "name is a number": lambda content: content | {"name": 5},
    "number is a number": lambda content: content | {"number": 12},
    "birth date": lambda content: content | {"birth_date": "1990-02-30"},
    "birth date is a number": lambda content: content | {"birth_date": 19900230},
    "tries above the limit": lambda content: content | {"pin": content["pin"] | {"tries_left": 4}},
    "negative tries": lambda content: content | {"pin": content["pin"] | {"tries_left": -1}},
    "tries as text": lambda content: content | {"pin": content["pin"] | {"tries_left": "3"}},
    "tries as truth": lambda content: content | {"pin": content["pin"] | {"tries_left": True}},
    "costs too much": lambda content: content | {"pin": content["pin"] | {"scrypt": {"n": 2**30, "r": 8, "p": 1}}},
    "no scrypt": lambda content: content | {"pin": content["pin"] | {"scrypt": {"n": 3, "r": 8, "p": 1}}},
    "salt is no hexadecimal": lambda content: content | {"pin": content["pin"] | {"salt": "x"}},
    "PIN required without one": lambda content: content | {"pin": None},
    "key": lambda content: content | {"private_key": "-----BEGIN PRIVATE KEY-----"},
    "key is null": lambda content: content | {"private_key": None},
    "certificate": lambda content: content | {"certificate": "x"},
} | {f"without {part}": without(part) for part in ("format", "kind", "number", "certificate", "pin", "pin_required")}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    path = make_card(tmp_path, HC, **PIN).path
    content = DAMAGE[name](json.loads(path.read_bytes()))
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DamagedImage, match=r"card\.json") as refusal:
        load(path)
    assert not any(text in str(refusal.value) for text in ("1990", "A123456789", "測試病患甲"))


@pytest.mark.parametrize("kept", [0, 1, 0.5, 0.99], ids=str)
def test_half_a_file_is_refused(kept: float, tmp_path: Path) -> None:
    path = make_card(tmp_path, HC).path
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if kept < 1 else 1])
    with pytest.raises(DamagedImage):
        load(path)


def test_no_file_is_no_card(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SimulatedCard(tmp_path / "card.json")


def test_an_update_that_fails_leaves_the_card_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_card(tmp_path, HC, **PIN).path
    before = path.read_bytes()

    def crash(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="power cut"):
            update(path, lambda image: image)
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"card.json", ".card.json.lock"}


def test_one_card_in_many_hands_has_three_tries_in_all(tmp_path: Path) -> None:
    path = make_card(tmp_path, HC, **PIN).path
    outcomes: list[str] = []

    def guess() -> None:
        try:
            op.verify_pin(SimulatedCard(path), "0000")
        except op.WrongPin as wrong:
            outcomes.append(str(wrong.tries_left))
        except op.PinBlocked:
            outcomes.append("blocked")

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["1", "2"] + ["blocked"] * 6


def test_the_certificate_is_the_keys_own() -> None:
    image = make_image(SAM)
    assert image.x509_certificate() == key_pair()[1]
    assert image.signing_key().public_key() == key_pair()[1].public_key()
