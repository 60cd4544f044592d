"""Where the package's SQL runs: DuckDB in memory, DuckDB out of core, or Spark."""

from uploadtrends.engines.engine import (
    DuckDBEngine,
    Engine,
    Kept,
    frame_of,
    hold,
    keep,
    numbering,
    require_engine,
)

__all__ = [
    "DuckDBEngine",
    "Engine",
    "Kept",
    "frame_of",
    "hold",
    "keep",
    "numbering",
    "require_engine",
]
