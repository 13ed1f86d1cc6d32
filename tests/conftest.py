"""Settings for the whole suite."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from typer.main import get_command

settings.register_profile(
    "default",
    max_examples=20,
    deadline=None,
    derandomize=True,  # what is found by chance is found by `make fuzz`
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("fuzz", max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("default")


#: Files that take longest, mostly because they start programs; begun first, or one core would wait for the other.
LONGEST = (
    "release/test_wheel.py",
    "cli/test_insurer_commands.py",
    "cli/test_keeping_commands.py",
    "conformance/test_conformance_runs.py",
    "release/test_release_upgrade.py",
    "cli/test_reader_command.py",
    "cli/test_check_command.py",
    "conformance/test_conformance_report.py",
    "prescriptions/test_rx_reading.py",
    "scale/test_scale_ray.py",
    "insurer/portal/test_walks_browser.py",
    "insurer/faults/test_services_under_load.py",
    "insurer/faults/test_killed_workers.py",
    "insurer/announcements/test_announcements_browser.py",
    "insurer/registry/test_registry_command.py",
    "insurer/faults/test_simultaneous.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first. Browsers go through the pages in Chinese; in English and without script they do in
    ``make soak``."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        variants = set(item.name.partition("[")[2].rstrip("]").split("-"))
        if item.path.stem.endswith("browser") and variants & {"en", "no script"}:
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session", autouse=True)
def commands_are_built_once() -> Iterator[None]:
    """Typer's runner would build all of them for every call, which takes a sixth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command))
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Test databases are copies of empty tables that are made once."""
    from tests import tables

    tables.begin_with_them()
