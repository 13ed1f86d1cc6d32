"""A clinic whose week has one of everything, and its users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation
from tests.insurer.monitoring import worlds
from tests.insurer.monitoring.weeks import Week, uploaded_week


@pytest.fixture(scope="module")
def week(django_db_setup: None, django_db_blocker: Any) -> Iterator[Week]:
    with worlds.lasting(django_db_blocker):
        yield uploaded_week()


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    """Whatever language the page before was read in."""
    with translation.override("zh-hant"):
        yield
