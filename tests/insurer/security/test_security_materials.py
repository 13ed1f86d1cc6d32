"""The bill of materials names every pinned dependency of the product, and its file is the same every time."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import distribution, requires
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[3]
SBOM: Final = ROOT / "tools" / "sbom.py"


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", SBOM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bill(sbom: ModuleType) -> dict[str, Any]:
    made: dict[str, Any] = sbom.bill(ROOT)
    return made


def test_every_requirement_of_the_package_is_in_it_at_the_installed_version(bill: dict[str, Any]) -> None:
    versions = {each["name"]: each["version"] for each in bill["components"]}
    wanted = [Requirement(each) for each in requires("nhicard") or ()]
    assert len(wanted) > 10
    for each in wanted:
        if each.marker is None:
            name = re.sub(r"[-_.]+", "-", each.name).lower()
            assert versions[name] == distribution(each.name).version


def test_every_pin_has_its_hashes(bill: dict[str, Any]) -> None:
    assert all(each["properties"] for each in bill["components"])
    pins = re.findall(r"^\S+==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE)
    assert len(bill["components"]) >= len(pins)


def test_every_component_has_one_reference_and_the_product_depends_on_all(bill: dict[str, Any]) -> None:
    references = [each["bom-ref"] for each in bill["components"]]
    assert len(references) == len(set(references))
    assert bill["dependencies"][0]["dependsOn"] == references
    assert bill["metadata"]["component"]["name"] == "nhicard"


def test_the_command_writes_the_same_file_twice(tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "new" / "two.json"]
    for file in files:
        subprocess.run([sys.executable, str(SBOM), str(file)], check=True, capture_output=True)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text())["bomFormat"] == "CycloneDX"


@pytest.mark.parametrize("line", ["# a comment", "-c runtime.txt", "    # via django", ""])
def test_what_is_no_pin_is_no_component(sbom: ModuleType, line: str) -> None:
    assert list(sbom.components(f"{line}\n")) == []
