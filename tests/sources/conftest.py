"""An empty store to load into."""

from __future__ import annotations

from pathlib import Path

import pytest

import uploadtrends as ut


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened
