"""One lake of two days for all tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scale import lakes


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    lakes.build(folder)
    return folder
