"""Spark: the same SQL on tables that no single machine holds."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.engines.engine import Files, Kept
from uploadtrends.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import DataFrame, SparkSession

SCRATCH = "spark.uploadtrends.scratch"
"""Spark setting: a folder that all workers can write to, for tables that stay on Spark."""

_INSTALL = "pip install 'uploadtrends[spark]'"
# Times have no zone, as in the store; a platform called 2023 is no number.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def why_not() -> str:
    """Return what Spark lacks on this machine, with the fix; empty if nothing."""
    try:
        import pyspark  # noqa: F401
        import sqlglot  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed. Fix: {_INSTALL}"
    home = os.environ.get("JAVA_HOME")
    if shutil.which(str(Path(home) / "bin" / "java") if home else "java") is None:
        where = f"there is none in JAVA_HOME ({home})" if home else "there is none on the path"
        return (
            f"Spark needs Java 17 or later, and {where}. Fix: install it (Debian: apt-get install "
            "openjdk-17-jre-headless) or set JAVA_HOME"
        )
    return ""


def spark_session(memory_limit: str | None = None, cores: int | str = "*") -> SparkSession:
    """Return the active Spark session, or start one on this machine.

    Parameters
    ----------
    memory_limit : str, optional
        Memory of a session that is started here, such as "3GB". Default: Spark's own (1 GB).
    cores : int or "*"
        Cores of a session that is started here.

    Raises
    ------
    ConfigurationError
        pyspark or Java is missing; the message says how to get it.
    """
    missing = why_not()
    if missing:
        raise ConfigurationError(missing)
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers load this package, too
    builder = (
        SparkSession.builder.master(f"local[{cores}]")
        .appName("uploadtrends")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.sql.shuffle.partitions", str(2 * _count(cores)))
    )
    if memory_limit is not None:
        builder = builder.config("spark.driver.memory", _size(memory_limit))
    try:
        return builder.getOrCreate()
    except Exception as error:  # whatever Java or its bridge makes of it
        raise ConfigurationError(
            f"Spark did not start: {error}. Fix: check that `java -version` says 17 or later"
        ) from error


def is_spark(engine: Any) -> bool:
    """Tell whether an engine is Spark, by name or as a session."""
    return engine == "spark" or type(engine).__module__.startswith("pyspark.")


def require_spark(engine: Any, memory_limit: str | None = None) -> SparkSession:
    """Return the session given, or start the one that a name asks for.

    Raises
    ------
    InputError
        For another engine.
    """
    if not is_spark(engine):
        raise InputError(
            "unknown engine", column="engine", value=engine, fix="'spark' or a SparkSession"
        )
    return spark_session(memory_limit) if engine == "spark" else engine


def _count(cores: int | str) -> int:
    return int(cores) if cores != "*" else os.cpu_count() or 1


def _size(text: str) -> str:
    found = re.fullmatch(r"\s*(\d+)\s*([KMGT])i?B?\s*", text, re.IGNORECASE)
    if found is None:
        raise InputError("not a size", column="memory_limit", value=text, fix="write '3GB'")
    return found[1] + found[2].lower()


@cache
def to_spark(query: str) -> str:
    """Return a query in Spark's words."""
    import sqlglot

    words: str = sqlglot.transpile(query, read="duckdb", write="spark")[0]
    return words


class SparkEngine:
    """Runs queries on Spark; large answers stay there.

    Parameters
    ----------
    session : SparkSession
        A session of its own is taken from it, with its own settings and names: what else runs on
        it is not disturbed.
    tables : mapping of str to Files or polars.DataFrame
        The tables that queries name.
    scratch : str, optional
        Where tables that stay are written, so that a lost worker loses nothing. By default the
        setting `spark.uploadtrends.scratch`, or a temporary folder if Spark runs on this machine
        only; that one is deleted with the engine.

    Raises
    ------
    ConfigurationError
        Spark runs on several machines and `scratch` is not given.
    InputError
        Tables that are not there.
    """

    title = "Spark"
    holds = True
    splits = False
    # Growing, unique and made by every worker for itself; row_number() would need all rows in one.
    number = "monotonically_increasing_id()"

    def __init__(
        self, session: SparkSession, tables: Mapping[str, Any], scratch: str | None = None
    ) -> None:
        self.session = session.newSession()
        for name, value in _SETTINGS.items():
            self.session.conf.set(name, value)
        given: str = scratch or session.conf.get(SCRATCH, None) or ""
        if not given and not str(session.sparkContext.master).startswith("local"):
            raise ConfigurationError(
                "Spark runs on several machines and needs a folder that all of them can write to. "
                f"Fix: set it, session.conf.set('{SCRATCH}', 's3a://bucket/scratch')"
            )
        if not given:
            given = tempfile.mkdtemp(prefix="uploadtrends-spark-")
            weakref.finalize(self, shutil.rmtree, given, ignore_errors=True)
        self._scratch = given.rstrip("/")
        self._run = os.urandom(4).hex()
        self._kept = 0
        self._attach(tables)

    def frame(self, query: str, **tables: Any) -> pl.DataFrame:
        """Return the answer to a query, which may also name the given tables."""
        import polars as pl

        answer = pl.from_arrow(self._ask(query, tables).toArrow())
        return answer if isinstance(answer, pl.DataFrame) else answer.to_frame()

    def keep(self, query: str, **tables: Any) -> Kept:
        """Run a query and leave the answer in Parquet files under the scratch folder."""
        return self.keep_rows(self._ask(query, tables))

    def keep_rows(self, rows: DataFrame) -> Kept:
        """Leave rows in Parquet files under the scratch folder."""
        self._kept += 1
        place = f"{self._scratch}/{self._run}/kept_{self._kept}"
        rows.write.parquet(place)
        return Kept(self, (self.session.read.parquet(place), place))

    def drop(self, *tables: Any) -> None:
        """Delete the files of kept tables."""
        for table in tables:
            if isinstance(table, Kept):
                place = self._path(table.table[1])
                place.getFileSystem(self._hadoop()).delete(place, True)

    def write(self, query: str, folder: str | Path, **tables: Any) -> list[Any]:
        """Write the answer to Parquet files in a folder, and return them."""
        self._ask(query, tables).write.mode("append").parquet(str(folder))
        if "://" not in str(folder):
            return sorted(Path(folder).glob("*.parquet"))
        place = self._path(str(folder))
        listed = place.getFileSystem(self._hadoop()).listStatus(place)
        found = [str(one.getPath()) for one in listed]
        return sorted(name for name in found if name.endswith(".parquet"))

    def exists(self, folder: str) -> bool:
        """Tell whether a folder, or what an address names, is there."""
        place = self._path(folder)
        return bool(place.getFileSystem(self._hadoop()).exists(place))

    def checksum(self, query: str, **tables: Any) -> str:
        """Return the number of rows of an answer and the sum of their hashes."""
        row = self._ask(query, tables).selectExpr(
            "count(*)", "sum(CAST(xxhash64(to_csv(struct(*))) AS DECIMAL(38, 0)))"
        )
        return "-".join(map(str, row.collect()[0]))

    def _attach(self, tables: Mapping[str, Any]) -> None:
        absent = []
        for name, table in tables.items():
            if not isinstance(table, Files):
                self._name(name, table)
                continue
            if self.exists(table.folder):
                self.session.read.parquet(table.folder).createOrReplaceTempView(name)
            else:
                absent.append(name)
                self._name(name, table.empty)
        if absent and len(absent) == len(tables):
            folder = next(table.folder for table in tables.values())
            raise InputError(
                "no tables of a store are there",
                file=folder.rsplit("/", 1)[0],
                fix="write them: open_store(path).to_parquet(folder)",
            )

    def _ask(self, query: str, tables: Mapping[str, Any]) -> DataFrame:
        for name, table in tables.items():
            self._name(name, table)
        return self.session.sql(to_spark(query))

    def _name(self, name: str, table: Any) -> None:
        if isinstance(table, Kept):
            table.table[0].createOrReplaceTempView(name)
            return
        import polars as pl

        signed = {pl.UInt8: pl.Int16, pl.UInt16: pl.Int32, pl.UInt32: pl.Int64, pl.UInt64: pl.Int64}
        rows = table.cast({kind: to for kind, to in signed.items() if kind in table.dtypes})
        # Without rows, or a column without values, Arrow's kinds say what Spark cannot guess.
        self.session.createDataFrame(
            rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        ).createOrReplaceTempView(name)

    def _path(self, place: str) -> Any:
        java: Any = self.session.sparkContext._jvm
        return java.org.apache.hadoop.fs.Path(place)

    def _hadoop(self) -> Any:
        return self.session.sparkContext._jsc.hadoopConfiguration()
