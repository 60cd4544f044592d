"""A published aggregate series: a value per period and group, without the artists behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from uploadtrends.errors import InputError
from uploadtrends.sources.moments import Formats, doubt, formats_of, moment, quote, read_dates
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import tally
from uploadtrends.sources.tables.numbers import check_decimal, settle_numbers, settle_periods
from uploadtrends.sources.tabular import Reading, cells, read_rows

if TYPE_CHECKING:
    import duckdb

Frequency = Literal["day", "week", "month", "quarter", "year"]
FREQUENCIES = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class SeriesFile:
    """A table with one row a period and one column a series (CSV, TSV, JSON Lines, Parquet).

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping of str to (str, str)
        For each column to read, the platform and the group it belongs to, for example
        ``{"senior_artstation": ("artstation", "senior")}``.
    period : str
        The column with the period, as ``2022-08``, ``2022-08-01``, ``2022``, ``2022Q3``,
        ``2022-W31``...
    frequency : {"day", "week", "month", "quarter", "year"}
        Length of a period. Dates inside a period stand for the whole of it.
    unit : str
        What is counted.
    series_id : str, optional
        Name of the series in the store; by default the name of the file.
    source : str
        Where the numbers come from.
    low, high : mapping of str to str, optional
        For a value column, the columns with the bounds of its interval.
    date_format : str, sequence of str, or mapping, optional
        Of the periods, as for `Table`.
    decimal : {".", ","}, optional
        Decimal mark of the numbers; the other mark may stand between thousands. Default: ".",
        without marks between thousands.

    Examples
    --------
    >>> SeriesFile(Path("counts.csv"), columns={"uploads": ("artstation", "total")}).name
    'series'
    """

    path: Path
    columns: Mapping[str, tuple[str, str]]
    period: str = "month"
    frequency: Frequency = "month"
    unit: str = "unstated"
    series_id: str | None = None
    source: str = ""
    low: Mapping[str, str] = field(default_factory=dict)
    high: Mapping[str, str] = field(default_factory=dict)
    date_format: Formats = None
    decimal: str | None = None
    name: ClassVar[str] = "series"
    credits_complete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.frequency not in FREQUENCIES:
            raise InputError(
                "unknown frequency", value=self.frequency, fix=f"one of {', '.join(FREQUENCIES)}"
            )
        if not self.columns:
            raise InputError(
                "no column is named",
                file=self.path,
                fix='columns={"uploads": ("artstation", "total")}',
            )
        formats_of("", self.date_format)
        check_decimal(self.decimal)
        for column, meaning in self.columns.items():
            if isinstance(meaning, str) or len(meaning) != 2:
                raise InputError(
                    "a column needs a platform and a group",
                    column=column,
                    value=meaning,
                    fix='for example ("artstation", "senior")',
                )

    def parameters(self) -> dict[str, Any]:
        """Return the settings, JSON-ready."""
        return {
            "columns": {column: list(meaning) for column, meaning in self.columns.items()},
            "period": self.period,
            "frequency": self.frequency,
            "unit": self.unit,
            "series_id": self._id(),
            "source": self.source,
            "low": dict(self.low),
            "high": dict(self.high),
            "date_format": self.date_format,
            "decimal": self.decimal,
        }

    def inputs(self) -> list[Path]:
        """Return the file."""
        return [Path(self.path)]

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill `stage_series`; unreadable periods and values go to `stage_reject`."""
        del progress  # small files only
        used = [self.period, *self.columns, *self.low.values(), *self.high.values()]
        wanted = list(dict.fromkeys(used))
        read_rows(con, Path(self.path), wanted, dates=[self.period])
        cell = cells(wanted)
        period = cell[self.period]
        if self.date_format is None:
            settle_periods(con, period)
        for column in wanted:
            if column != self.period:
                settle_numbers(con, Path(self.path), column, cell[column], self.decimal, Reading())
        when = moment(period, date_format=self.date_format)
        read_dates(
            con,
            "CREATE OR REPLACE TEMP TABLE dated_rows AS SELECT *, "
            f"date_trunc({quote(self.frequency)}, {when}) AS period_start, "
            f"{doubt(when, period, date_format=self.date_format)} AS reason FROM temp.input_rows",
        )
        con.execute(
            "UPDATE temp.dated_rows SET reason = 'period given twice' FROM (SELECT rowid AS r, "
            "row_number() OVER (PARTITION BY period_start ORDER BY position) AS n "
            "FROM temp.dated_rows WHERE reason IS NULL) t WHERE dated_rows.rowid = t.r AND n > 1"
        )
        con.execute(
            f"INSERT INTO temp.stage_reject SELECT 'row ' || position, reason, {period} "
            "FROM temp.dated_rows WHERE reason IS NOT NULL"
        )
        for column, (platform, grouping) in self.columns.items():
            self._stage_column(con, column, cell, (platform, grouping))
        self._count(con, cell)
        con.execute("DROP TABLE temp.dated_rows")
        con.execute("DROP TABLE temp.input_rows")

    def _count(self, con: duckdb.DuckDBPyConnection, cell: Mapping[str, str]) -> None:
        """Tell what was loaded; a row with several bad values is rejected once for each."""
        values = [cell[column] for column in self.columns]
        good = " AND ".join(
            f"({text} IS NULL OR isfinite(coalesce(try_cast({text} AS DOUBLE), 'inf')))"
            for text in values
        )
        (loaded,) = con.sql(
            f"SELECT count(*) FROM temp.dated_rows WHERE reason IS NULL AND {good}"
        ).fetchall()[0]
        tally(con, "loaded", loaded)
        (again,) = con.sql(
            "SELECT count(*) - count(DISTINCT position) FROM temp.stage_reject"
        ).fetchall()[0]
        tally(con, "read", again)

    def _stage_column(
        self,
        con: duckdb.DuckDBPyConnection,
        column: str,
        cell: Mapping[str, str],
        meaning: tuple[str, str],
    ) -> None:
        text = cell[column]
        value = f"try_cast({text} AS DOUBLE)"
        readable = f"{value} IS NOT NULL AND isfinite({value})"
        con.execute(
            f"INSERT INTO temp.stage_reject SELECT 'row ' || position, ?, {text} "
            f"FROM temp.dated_rows WHERE reason IS NULL AND {text} IS NOT NULL "
            f"AND NOT ({readable})",
            [f"column '{column}' is not a number"],
        )
        low, high = (
            f"try_cast({cell[bounds[column]]} AS DOUBLE)" if column in bounds else "NULL"
            for bounds in (self.low, self.high)
        )
        con.execute(
            f"INSERT INTO temp.stage_series SELECT ?, ?, ?, CAST(period_start AS DATE), ?, "
            f"{value}, ?, {low}, {high}, FALSE, ? FROM temp.dated_rows "
            f"WHERE reason IS NULL AND {readable}",
            [self._id(), *meaning, self.frequency, self.unit, self.source],
        )

    def _id(self) -> str:
        return self.series_id or Path(self.path).name.partition(".")[0]
