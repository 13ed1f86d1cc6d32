"""Write the bill of materials of what is installed with nhicard: CycloneDX 1.6 JSON, without any network.

    python tools/sbom.py [OUTPUT]        (default dist/sbom.json)

It reads the pins and hashes of requirements/{runtime,pcsc}.txt, so the same pins give the same file.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
#: What is installed where the services run; tools of development are not part of the product.
SETS: Final = ("runtime", "pcsc")
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(text: str) -> Iterator[dict[str, Any]]:
    """A component for each pin of a requirements file, with the hashes of its distributions as properties."""
    for block in re.split(r"\n(?=\S)", text):
        if not (pin := _PIN.match(block)):
            continue
        name, version = re.sub(r"[-_.]+", "-", pin["name"]).lower(), pin["version"]
        purl = f"pkg:pypi/{name}@{version}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            # a pin names all distributions of a version; which one is installed depends on the machine
            "properties": [{"name": "nhicard:distribution:sha256", "value": each} for each in _HASH.findall(block)],
        }


def bill(root: Path) -> dict[str, Any]:
    """The bill of materials of a checkout."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    version = _version(root, project)
    found = {
        each["bom-ref"]: each
        for name in SETS
        for each in components((root / "requirements" / f"{name}.txt").read_text("utf-8"))
    }
    listed = [found[ref] for ref in sorted(found)]
    itself = f"pkg:pypi/{project['name']}@{version}"
    number = uuid.uuid5(uuid.NAMESPACE_URL, itself + "".join(found))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": itself,
                "name": project["name"],
                "version": version,
                "purl": itself,
            }
        },
        "components": listed,
        "dependencies": [{"ref": itself, "dependsOn": [each["bom-ref"] for each in listed]}],
    }


def _version(root: Path, project: dict[str, Any]) -> str:
    if "version" in project:
        return str(project["version"])
    found = re.search(
        r'^__version__(?:: \w+)? = "([^"]+)"', (root / "src/nhicard/__init__.py").read_text("utf-8"), re.M
    )
    if found is None:
        raise SystemExit("nhicard's version is written nowhere")
    return found[1]


def main() -> None:
    """Write the file."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "sbom.json"
    made = bill(ROOT)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{output}: {len(made['components'])} components\n")


if __name__ == "__main__":
    main()
