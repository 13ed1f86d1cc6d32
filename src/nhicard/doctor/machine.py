"""Checks of the machine: Python, packages, time zone, fonts, folder, disk."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
import tempfile
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nhicard.doctor.findings import Finding, finding
from nhicard.doctor.installation import Installation

_OLDEST_PYTHON: Final = (3, 11)
_GIB: Final = 1 << 30
#: Free space below which writing will soon fail, and below which somebody should look (bytes).
_LITTLE, _SOME = _GIB, 5 * _GIB
#: Where the fonts of our PDF documents are asked for.
_TEMPLATES: Final = (("nhicard.prescriptions", "sheet.typ"), ("nhicard.insurer.taxes", "data/documents.typ"))


def python(_: Installation) -> Finding:
    """The interpreter is new enough."""
    found = sys.version_info[:2]
    return finding("python.ok" if found >= _OLDEST_PYTHON else "python.old", version="{}.{}".format(*found))


def packages(_: Installation) -> Finding:
    """Every package that ours asks for is installed."""
    asked = [each for each in importlib.metadata.requires("nhicard") or [] if "extra ==" not in each]
    names = [re.split(r"[^\w.-]", each)[0] for each in asked]
    if missing := sorted(name for name in names if not _is_installed(name)):
        return finding("packages.missing", names=", ".join(missing))
    return finding("packages.ok", count=len(names))


def zone(_: Installation) -> Finding:
    """Taiwan's time zone can be read; without it no process of ours starts."""
    try:
        ZoneInfo.no_cache("Asia/Taipei")
    except ZoneInfoNotFoundError:
        return finding("zone.missing")
    return finding("zone.ok")


def fonts(_: Installation) -> Finding:
    """Each document's template finds a font with Chinese characters."""
    import typst

    installed = {name.casefold() for name in typst.Fonts().families()}
    asked = [wanted_fonts((files(package) / path).read_text("utf-8")) for package, path in _TEMPLATES]
    for names in asked:
        if not any(name.casefold() in installed for name in names):
            return finding("fonts.missing", names="、".join(names))
    return finding("fonts.ok")


def wanted_fonts(template: str) -> list[str]:
    """The font families of a Typst template, best first."""
    told = re.search(r"#set text\(font: \(([^)]*)\)", template)
    return re.findall(r'"([^"]+)"', told[1]) if told else []


def home(where: Installation) -> Finding:
    """The folder is there, is a folder, and can be written to."""
    if not where.home.exists():
        return finding("home.absent", folder=where.home)
    try:
        with tempfile.TemporaryFile(dir=where.home):  # asking the mode would not see a read-only file system
            pass
    except OSError:
        return finding("home.closed", folder=where.home)
    return finding("home.ok", folder=where.home)


def disk(where: Installation) -> Finding:
    """There is room for what will be received."""
    free = shutil.disk_usage(where.home).free
    name = "disk.full" if free < _LITTLE else "disk.little" if free < _SOME else "disk.ok"
    return finding(name, free=f"{free / _GIB:.1f}")


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
