"""The user's settings file: where lists and keys are, whose SAM uploads, which assumptions differ."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nhicard.formats import assumptions
from nhicard.formats.assumptions import Assumptions

if TYPE_CHECKING:  # cryptography is loaded only where there are keys
    from nhicard.identity.keyring import KeyRing

NAME: Final = "nhicard.toml"
_KEYS: Final = {"institution": str, "reference": str, "keys": str, "assumptions": dict}


class BadSettings(ValueError):
    """The settings or a file that they name cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says; None for what it does not mention."""

    institution: str | None
    reference: Path | None
    keys: Path | None
    assumptions: Assumptions


def load(path: Path | None) -> Settings:
    """Settings from the given file, else from ``nhicard.toml`` here, else from the user's configuration folder.

    Raises BadSettings naming the file and the key at fault.
    """
    chosen = path or next((place for place in _places() if place.is_file()), None)
    if chosen is None:
        return Settings(None, None, None, assumptions.load())
    try:
        data = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{chosen}: {error}") from error
    _validate(chosen, data)
    try:
        chosen_assumptions = assumptions.load(data.get("assumptions"))
    except ValueError as error:
        raise BadSettings(f"{chosen}, [assumptions]: {error}") from error
    folder, keys = data.get("reference"), data.get("keys")
    return Settings(
        institution=data.get("institution"),
        reference=chosen.parent / folder if folder else None,
        keys=chosen.parent / keys if keys else None,
        assumptions=chosen_assumptions,
    )


def load_keys(path: Path) -> KeyRing:
    """The insurer's keys from their file; raises BadSettings, and never shows a key."""
    from nhicard.identity.keyring import BadKeyRing, KeyRing
    from nhicard.identity.private_files import PrivateFileExposed

    try:
        return KeyRing.load(path)
    except (BadKeyRing, PrivateFileExposed) as error:
        raise BadSettings(f"無法使用金鑰檔。 The key file cannot be used: {error}") from None
    except OSError as error:
        raise BadSettings(f"{path}: 無法讀取金鑰檔。 The key file cannot be read: {error.strerror}.") from None


def _places() -> list[Path]:
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return [Path(NAME), Path(home) / "nhicard" / NAME]


def _validate(path: Path, data: dict[str, Any]) -> None:
    for key, value in data.items():
        if key not in _KEYS:
            raise BadSettings(f"{path}: unknown key {key!r}; known are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise BadSettings(f"{path}: {key} must be a {_KEYS[key].__name__}")
