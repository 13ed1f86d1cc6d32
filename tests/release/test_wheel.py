"""The wheel: everything in it, installed by pip into a clean environment, used outside the checkout.

``tools/wheel.sh`` does the same with dependencies from the network, and runs the demo.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import nhicard

ROOT: Final = Path(__file__).parents[2]
_ENVIRONMENT: Final = {
    name: value
    for name, value in os.environ.items()
    if name not in {"PYTHONPATH", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"} and not name.startswith("NHICARD_")
}


@dataclass(frozen=True)
class Installed:
    """The wheel, and an environment that has it and nothing of the checkout."""

    wheel: Path
    folder: Path

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(self.folder / "venv" / "bin" / program), *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.folder, env=_ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("outside")
    _done(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    (wheel,) = folder.glob("*.whl")
    _done(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    packages = folder / "venv" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # a plain line of a .pth file shows our dependencies without the checkout's own editable installation
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python", "--disable-pip-version-check")
    _done(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    _lend_compiled_kernel(packages / "nhicard" / "formats")
    return Installed(wheel, folder)


def _lend_compiled_kernel(to: Path) -> None:
    """The checkout's, for compiling takes ten seconds; numba takes it for a source of the same time."""
    source = Path(nhicard.__file__).with_name("formats") / "span_kernel.py"
    for compiled in source.parent.glob("__pycache__/*.nb[ic]"):
        shutil.copy(compiled, to / "__pycache__")
    shutil.copystat(source, to / source.name)


def _done(*command: str | Path) -> None:
    done = subprocess.run(
        [str(each) for each in command], cwd=ROOT, env=_ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_file_of_the_package_is_in_the_wheel(installed: Installed) -> None:
    ours = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "nhicard").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(installed.wheel) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("nhicard/")}
    assert packed == ours


def test_versions_agree(installed: Installed) -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert nhicard.__version__ == told
    assert installed.run("nhicard", "--version").stdout.strip() == f"nhicard {told}"
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[:2] == ["Unreleased", told]


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    told = installed.run("python", "-c", "import nhicard; print(nhicard.__file__)").stdout.strip()
    assert Path(told).is_relative_to(installed.folder)


def test_the_official_example_is_checked(installed: Installed) -> None:
    find = "from importlib.resources import files; print(files('nhicard.synthetic') / 'data/examples10/annex4_all.xml')"
    example = installed.run("python", "-c", find).stdout.strip()
    done = installed.run("nhicard", "check", example, "--as-of", "2002-07-02T12:00")
    assert done.returncode == 1, done.stderr
    assert "格式 1.0" in done.stdout
    assert done.stderr == ""


def test_the_demo_brings_each_institution_to_its_step(installed: Installed) -> None:
    done = installed.run("nhicard", "demo", "--visits", "400")
    assert done.returncode == 0, done.stdout + done.stderr
    shares = re.findall(r"合計 total\s*│\s*([\d,]+)\s*│\s*([\d,]+)\s*│", done.stdout)
    assert len(shares) == 10, "five institutions, before and after"
    assert any(a != b for a, b in shares[:5]), "the mistakes show"
    assert all(a == b for a, b in shares[5:9]), "and are mended"
    assert shares[9][0] != shares[9][1], "but for the pharmacy's"
    assert "4 家符合 qualified, 1 家未達 not yet" in done.stdout
    steps = re.findall(r"│ 測試(\S+).*?│ (是 yes|–)\s+│ (\d{12}|–)", done.stdout)
    assert [name for name, qualified, _ in steps if qualified != "–"] == ["醫院", "診所", "牙醫診所", "中醫診所"]
    assert [name for name, _, case in steps if case != "–"] == ["醫院", "診所", "牙醫診所"]
    assert ".png: verified" in done.stdout
    assert re.search(r"測試醫院 1101990006\s+│ G H H1 H2 H3 │ 12,000", done.stdout), done.stdout
    assert "D066" in done.stdout or "D002" in done.stdout
    assert "收檔就醫筆數" in done.stdout, "a result as the insurer gives it"
    for log in (installed.folder / "demo").glob("week/**/*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8"), log.name
    assert (installed.folder / "demo" / "week" / "insurer" / "insurer.sqlite3").exists()
    doctor = installed.run("nhicard", "doctor", "--home", "demo/week/insurer")
    assert doctor.returncode in {0, 1}, doctor.stdout  # 1: fonts, or free space
    assert "✗" not in doctor.stdout
