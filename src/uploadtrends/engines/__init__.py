"""Where the package's SQL runs: DuckDB in memory, DuckDB within a memory limit, or Spark."""

from uploadtrends.engines.engine import DuckDBEngine, Engine

__all__ = ["DuckDBEngine", "Engine"]
