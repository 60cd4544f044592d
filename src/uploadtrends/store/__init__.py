"""The local database: every artist, upload and credit, with where it came from."""

from uploadtrends.store.build import build_store
from uploadtrends.store.report import LoadReport
from uploadtrends.store.store import Store, open_store

__all__ = ["LoadReport", "Store", "build_store", "open_store"]
