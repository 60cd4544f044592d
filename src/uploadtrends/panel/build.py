"""Build a panel from a store (or a simulated population)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from uploadtrends.engines import DuckDBEngine, Engine
from uploadtrends.engines.disk import DiskEngine
from uploadtrends.engines.engine import require_engine
from uploadtrends.engines.spark import SparkEngine, is_spark, require_spark
from uploadtrends.errors import InputError
from uploadtrends.panel.panel import Panel
from uploadtrends.panel.reading import read_records
from uploadtrends.panel.seniority import Seniority
from uploadtrends.panel.simulated import population_tables
from uploadtrends.series.periods import require_period
from uploadtrends.simulate import Population
from uploadtrends.store import Store, open_store
from uploadtrends.store.parquet import is_export, parquet_tables


def build_panel(
    data: Store | Population | str | Path | None,
    *,
    period: str = "month",
    seniority: Seniority | None = None,
    platforms: str | Sequence[str] | None = None,
    instrument: str | Mapping[str, str] | None = None,
    start: str | None = None,
    end: str | None = None,
    date: Literal["published", "arrived"] = "published",
    credit: Literal["full", "fractional"] = "full",
    weights: Literal["none", "design"] = "none",
    exit_after: int | None = None,
    incomplete: Mapping[str, Sequence[str]] | None = None,
    histories_from: Mapping[str, str] | None = None,
    engine: str | Engine | Any = "duckdb",
    memory_limit: str | None = None,
) -> Panel:
    """Count uploads by group and period, and by artist and period while at risk.

    Parameters
    ----------
    data : Store, str, Path or Population
        An open store, the path of one or of its Parquet export, or a simulated population. None
        with an engine that holds the store's tables itself.
    period : {"month", "week", "day", "quarter", "year"}
        Weeks start on Monday.
    seniority : Seniority, optional
        How artists are grouped; without it there is only the group "all".
    platforms : str or sequence of str, optional
        Only these.
    instrument : str or mapping of platform to str, optional
        Which listing to count where a platform was counted by several. Without it, each is kept
        apart under the name "platform/instrument": no series ever crosses from one to another.
    start, end : str, optional
        First and last day; the periods that hold them are the first and the last. Seniority and
        time at risk use the whole history whatever the window.
    date : {"published", "arrived"}
        Count works when they were published or, for a repost archive, when they arrived there.
    credit : {"full", "fractional"}
        A work by several artists counts once for each, or is split among them.
    weights : {"none", "design"}
        Count artists equally, or by the design weights of the sampling frame.
    exit_after : int, optional
        Sensitivity: end an artist's time at risk after so many silent periods.
    incomplete : mapping of platform to dates, optional
        Periods known to be seen only in part, beyond those found by rule.
    histories_from : mapping of platform to date, optional
        Where a source starts late: artists first seen within a year of that date may have been
        there before, so that their histories are left-censored.
    engine : {"duckdb", "spark"}, SparkSession or Engine
        Where the SQL runs. On Spark (``pip install uploadtrends[spark]``, and Java) `data` is a
        Parquet export, here or at an address that Spark knows (``s3a://...``), and everything that
        grows with the number of artists stays there: groups and `Panel.sample` come back.
    memory_limit : str, optional
        Such as "2GB". DuckDB then keeps to it and works on disk, in a file that lives as long as
        the panel; Spark, when it is started here, gets it as the memory of its driver.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        For settings that do not fit each other or the data.

    See Also
    --------
    Seniority : How artists are sorted into groups.
    interrupted_time_series : What changed at an event.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> panel = ut.build_panel(people, platforms="mysite", period="quarter")
    >>> panel.keys()
    [('mysite', 'all')]
    """
    require_period(period)
    platforms = (platforms,) if isinstance(platforms, str) else platforms
    for name, value, allowed in (
        ("date", date, ("published", "arrived")),
        ("credit", credit, ("full", "fractional")),
        ("weights", weights, ("none", "design")),
    ):
        if value not in allowed:
            raise InputError(
                "unknown setting", column=name, value=value, fix=" or ".join(map(repr, allowed))
            )
    recipe: dict[str, Any] = {
        "period": period,
        "platforms": None if platforms is None else list(platforms),
        "instrument": dict(instrument) if isinstance(instrument, Mapping) else instrument,
        "start": _iso(start, "start"),
        "end": _iso(end, "end"),
        "date": date,
        "credit": credit,
        "credit_unit": "uploads" if credit == "full" else "fractional_uploads",
        "weights": weights,
        "exit_after": exit_after,
        "incomplete": {name: list(days) for name, days in (incomplete or {}).items()},
        "histories_from": dict(histories_from or {}),
    }
    if recipe["start"] and recipe["end"] and recipe["start"] > recipe["end"]:
        raise InputError("the window ends before it starts", column="end", value=end)
    with ExitStack() as closing:
        reader, given = _reader(data, engine, memory_limit, closing)
        records = read_records(reader, recipe)
        panel = Panel.assemble(records, seniority, recipe, given, reader)
    return panel if exit_after is None else panel.with_exit_after(exit_after)


def _reader(
    data: Store | Population | str | Path | None,
    engine: Any,
    memory_limit: str | None,
    closing: ExitStack,
) -> tuple[Engine, Engine | None]:
    """Return the engine that reads the data, and the one that the panel keeps."""
    given = None if is_spark(engine) else require_engine(engine)
    if given is not None:
        return given, given
    if is_spark(engine):
        tables = _spark_tables(data)
        held = SparkEngine(require_spark(engine, memory_limit), tables)
        return held, held
    if memory_limit is not None:
        disk = DiskEngine(memory_limit)
        closing.callback(disk.detach)
        disk.attach(_duckdb_tables(data))
        return disk, disk
    if isinstance(data, Store):
        reader = DuckDBEngine(data.connection)
    elif isinstance(data, str | Path) and not is_export(data):
        _require_store(Path(data))
        reader = DuckDBEngine(closing.enter_context(open_store(data)).connection)
    else:
        reader = DuckDBEngine()
        reader.attach(_duckdb_tables(data))
    closing.callback(reader.close)
    return reader, None


def _require_store(path: Path) -> None:
    """Say what to do with a file that is no store, such as a CSV."""
    if not path.is_file():
        return  # the store says how to make one
    with path.open("rb") as stream:
        head = stream.read(12)
    if head[8:12] != b"DUCK":
        raise InputError(
            "this file is no store",
            file=path,
            fix=f"load it first: ut.build_store('mine.duckdb', [Table('{path.name}', columns, "
            "platform='mysite')]), with Table from uploadtrends.sources.table",
        )


def _duckdb_tables(data: Any) -> dict[str, Any]:
    """Return what DuckDB attaches: tables in memory, the files of an export, or a store."""
    if isinstance(data, Population):
        return dict(population_tables(data))
    if isinstance(data, Store):
        raise InputError(
            "an open store has a memory limit of its own",
            column="memory_limit",
            fix="give the path of the store, or open_store(path, memory_limit=...)",
        )
    if not isinstance(data, str | Path):
        raise InputError(
            "a panel is built from a store",
            value=type(data).__name__,
            fix="pass what open_store(...) returns, or its path",
        )
    if is_export(data):
        return parquet_tables(data)
    with open_store(data):  # says what is wrong with it, if anything
        return {"": Path(data)}


def _spark_tables(data: Any) -> dict[str, Any]:
    if isinstance(data, Population):
        return dict(population_tables(data))
    if isinstance(data, str | Path) and ("://" in str(data) or is_export(data)):
        return parquet_tables(data)
    raise InputError(
        "Spark reads a store's Parquet export",
        value=str(data) if isinstance(data, str | Path) else type(data).__name__,
        fix="write one: open_store(path).to_parquet(folder), or `uploadtrends export folder`",
    )


def _iso(text: str | None, column: str) -> str | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError as error:
        raise InputError(
            "not a date", column=column, value=text, fix="write it as 2022-01-01"
        ) from error
