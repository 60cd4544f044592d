"""A store as Parquet files: which tables, and what they look like without rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from uploadtrends.engines.engine import Files
from uploadtrends.errors import InputError
from uploadtrends.store.given import MANIFEST, read_manifest
from uploadtrends.store.version import create

if TYPE_CHECKING:
    import polars as pl

FORMAT = 2
"""1, of uploadtrends 0.1, has no visits, so that panels cannot be built from it."""
READABLE = (1, 2)
LOADED = ("artist", "upload", "credit", "series")
"""Tables that an export gives back to a store."""
COUNTED = (*LOADED, "sighting", "crawl")
"""Tables that a panel is built from."""


def is_export(path: str | Path) -> bool:
    """Tell whether a folder is an export."""
    return "://" not in str(path) and (Path(path) / MANIFEST).is_file()


def parquet_tables(path: str | Path) -> dict[str, Files]:
    """Return the tables of an export, in a folder or at an address.

    Raises
    ------
    InputError
        The export was written by an earlier version.
    """
    if is_export(path):
        manifest = Path(path) / MANIFEST
        said = read_manifest(manifest).get("format")
        if said != FORMAT:
            raise InputError(
                "an export of another version, without what a panel needs",
                file=manifest,
                value=said,
                fix="export the store again",
            )
    return {
        name: Files(f"{str(path).rstrip('/')}/{name}", empty)
        for name, empty in empty_tables().items()
    }


def empty_tables() -> dict[str, pl.DataFrame]:
    """Return the store's tables without rows."""
    with duckdb.connect() as con:
        create(con)
        return {name: con.sql(f"FROM {name}").pl() for name in COUNTED}
