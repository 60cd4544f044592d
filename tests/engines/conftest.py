from __future__ import annotations

import os

import pytest

import uploadtrends as ut
from engine_stores import mixed_store


@pytest.fixture(scope="session")
def spark():
    """One Spark on this machine for all tests; they skip, and say why, where it cannot run."""
    from uploadtrends.engines.spark import spark_session, why_not

    if missing := why_not():
        pytest.skip(missing)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    session = spark_session("2GB", cores=2)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A store of 4,000 credits, and its export."""
    return _stored(tmp_path_factory.mktemp("small"), 4_000)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A store of 200,000 credits, and its export."""
    return _stored(tmp_path_factory.mktemp("large"), 200_000)


def _stored(folder, credits):
    path = mixed_store(folder / "works.duckdb", credits)
    with ut.open_store(path) as store:
        return path, store.to_parquet(folder / "parquet", identify=True)
