"""The agent's settings: one TOML file in its folder, checked before anything starts."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

FILE: Final = "agent.toml"
READER: Final = "https://localhost:5066"

TEMPLATE: Final = """\
# 院所代碼 The institution's code.
institution = "{institution}"

[insurer]
# 健保署上傳服務 The insurer's upload services.
url = "{insurer}"
# 測試環境的憑證檔；正式環境不需要 A certificate file to trust, for tests only.
{insurer_ca}

[reader]
# 讀卡機控制軟體 The control software, which signs the uploads.
url = "{reader}"
{reader_ca}

[sources]
# HIS 放檔案的資料夾（csv、xlsx、xml、json） Where the HIS puts its files.
folder = "in"
# 直接讀 HIS 資料庫的對照檔（docs/sources.md） A mapping file to read the HIS's database.
# sql = "his.toml"
# 每幾秒看一次 Seconds between two looks.
every = 30

[policy]
# 上傳前檢核不過的先留著等人修正 What the check would reject waits for mending.
hold = true
# 幾小時沒有結果就重送 Hours after which a missing result means sending again.
patience = 48

[console]
# 院所工作台（只限本機） The console, on this machine only.
port = 5067
"""

#: Section -> key -> (type, default); no default means that it must be there.
_KNOWN: Final[dict[str, dict[str, tuple[type, Any]]]] = {
    "": {"institution": (str, ...)},
    "insurer": {"url": (str, ...), "ca": (str, None)},
    "reader": {"url": (str, READER), "ca": (str, None)},
    "sources": {"folder": (str, "in"), "sql": (str, None), "every": (int, 30)},
    "policy": {"hold": (bool, True), "patience": (int, 48)},
    "console": {"port": (int, 5067)},
}


class UnusableSettings(ValueError):
    """The settings cannot be used; the message says what is wrong where, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``agent.toml`` says; paths are absolute."""

    home: Path
    institution: str
    insurer: str
    insurer_ca: Path | None
    reader: str
    reader_ca: Path | None
    folder: Path
    sql: Path | None
    every: timedelta
    hold: bool
    patience: timedelta
    port: int

    @property
    def outbox(self) -> Path:
        """The outbox's file."""
        return self.home / "outbox.sqlite3"


def load(home: Path) -> Settings:
    """The settings in a folder. Raises UnusableSettings with every fault at once, OSError where there is no file."""
    path = home / FILE
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableSettings(f"{path}: 不是正確的 TOML；it is no TOML: {error}") from None
    faults: list[str] = []
    found: dict[tuple[str, str], Any] = {}
    sections = {"": {key: value for key, value in told.items() if not isinstance(value, dict)}}
    sections |= {name: value for name, value in told.items() if isinstance(value, dict)}
    for name in sections:
        if name not in _KNOWN:
            faults.append(f"[{name}] 不是已知的段落；is no known section{_meant(name, _KNOWN)}")
    for section, keys in _KNOWN.items():
        given = sections.get(section, {})
        for key, value in given.items():
            if key not in keys:
                faults.append(f"{_place(section, key)} 不是已知的設定；is no known setting{_meant(key, keys)}")
            elif type(value) is not keys[key][0]:
                faults.append(f"{_place(section, key)} 應為 must be {keys[key][0].__name__}: {value!r}")
        for key, (_, default) in keys.items():
            if default is ... and key not in given:
                faults.append(f"{_place(section, key)} 缺少；is missing")
            found[section, key] = given.get(key, default)
    for section in ("insurer", "reader"):
        url = found[section, "url"]
        if isinstance(url, str) and not url.startswith("https://"):
            faults.append(f"{_place(section, 'url')} 必須是 https://；must be https://: {url!r}")
    if faults:
        raise UnusableSettings("\n".join(f"{path}: {fault}" for fault in faults))
    return Settings(
        home=home,
        institution=found["", "institution"],
        insurer=found["insurer", "url"],
        insurer_ca=_path(home, found["insurer", "ca"]),
        reader=found["reader", "url"],
        reader_ca=_path(home, found["reader", "ca"]),
        folder=home / found["sources", "folder"],
        sql=_path(home, found["sources", "sql"]),
        every=timedelta(seconds=found["sources", "every"]),
        hold=found["policy", "hold"],
        patience=timedelta(hours=found["policy", "patience"]),
        port=found["console", "port"],
    )


def create(
    home: Path, institution: str, insurer: str, insurer_ca: Path | None, reader: str, reader_ca: Path | None
) -> Path:
    """Write the settings of a new agent. Raises FileExistsError where there are some."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / FILE
    told = TEMPLATE.format(
        institution=institution,
        insurer=insurer,
        insurer_ca=_ca(insurer_ca),
        reader=reader,
        reader_ca=_ca(reader_ca),
    )
    with path.open("x", encoding="utf-8") as stream:
        stream.write(told)
    (home / "in").mkdir(exist_ok=True)
    return path


def _ca(path: Path | None) -> str:
    return f"ca = {str(path)!r}" if path else '# ca = "insurer.pem"'


def _path(home: Path, told: str | None) -> Path | None:
    return home / told if told else None


def _place(section: str, key: str) -> str:
    return f"[{section}] {key}" if section else key


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, [each for each in known if each], 1)
    return f"；did you mean {close[0]}?" if close else ""
