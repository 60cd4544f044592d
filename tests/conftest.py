"""What every test shares: no network but loopback, and reference data where it stands beside us."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

ROOT = Path(__file__).resolve().parents[1]

# A worker a core: threads of BLAS beside it would wait for each other, and spin as they wait.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: one that begins last would keep a single core busy."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """Looking for cycles among all that was imported would take a twelfth of the time."""
    gc.set_threshold(100_000, 50, 100)


def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference material that may not be copied into the repository."""
    folder = ROOT.parent / "shared"
    if not (folder / "reference").is_dir():
        pytest.skip("needs material that may not be copied into the repository (../shared)")
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """Small reference data with citations, kept in the repository."""
    return ROOT / "tests" / "data"
