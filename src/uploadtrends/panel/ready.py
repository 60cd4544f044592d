"""A ready table of units by period: where designs with artists treated at different times start."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.brief import boxed
from uploadtrends.errors import InputError
from uploadtrends.panel.moments import first_days, never, whole_numbers
from uploadtrends.result import fingerprint
from uploadtrends.series.periods import pandas_frequency, require_period
from uploadtrends.sources.frames import read_table

if TYPE_CHECKING:
    from uploadtrends.arrays import Array
    from uploadtrends.panel.panel import Panel

KEY = ["platform", "artist_id"]
_CODES = (-1, -9, -99, -999, -9999)
"""What surveys write for "does not apply"."""
_STARTS = {"year": "Y", "quarter": "Q", "month": "M", "week": "W-SUN", "day": "D"}


@dataclass(frozen=True)
class UnitTable:
    """One row per unit and period with whatever was measured; made by `panel_from_table`.

    Attributes
    ----------
    rows : pandas.DataFrame
        platform ("table"), artist_id (the unit, as text), period (first day, or a whole number),
        sorted.
    values : pandas.DataFrame
        All other columns of the table, in the same order.
    grid : pandas.Index
        Every period from the first to the last.
    period : str
        Name of the period: day, week, month, quarter, year; "period" where they are numbered.
    unit, time : str
        Names of the columns that hold unit and period.
    notes : tuple of str
    """

    rows: pd.DataFrame = field(repr=False)
    values: pd.DataFrame = field(repr=False)
    grid: pd.Index = field(repr=False)
    period: str
    unit: str
    time: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return boxed(["<Table of units by period>", *self.summary().splitlines()], "")

    __str__ = __repr__

    def summary(self) -> str:
        """Say how many units and periods there are, and what to keep in mind."""
        n, ends = self.rows["artist_id"].nunique(), (str(self.grid[i])[:10] for i in (0, -1))
        first, last = ends
        lines = [
            f"{n} units ('{self.unit}') by {self.period} ('{self.time}'), {first} to {last}, "
            f"{len(self.rows)} rows. Columns: {', '.join(map(str, self.values.columns))}."
        ]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])

    @property
    def numbered(self) -> bool:
        """Whether periods are whole numbers rather than dates."""
        return self.grid.dtype.kind == "i"

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of everything that the table holds."""
        return fingerprint(self.rows, self.values, self.unit, self.time, self.period)

    def column(self, name: str, role: str) -> pd.Series:
        """Return one column; an unknown one is named, with those that exist."""
        _require_column(self.values, name, role)
        return self.values[name]

    def measured(self, name: str, role: str) -> np.ndarray:
        """Return one column as numbers; what is missing is NaN.

        Raises
        ------
        InputError
            For an unknown column, text, dates, or infinite values.
        """
        column = self.column(name, role)
        given = column.dropna()
        number = pd.to_numeric(given, errors="coerce")
        bad = number.isna() | ~np.isfinite(number.fillna(0).astype(float))
        if getattr(given.dtype, "kind", "O") in "mM":
            bad[:] = True
        if bad.any():
            raise InputError(
                "not a finite number",
                column=name,
                value=given[bad].iloc[0],
                fix="write numbers, and leave empty what is not known",
            )
        return number.reindex(column.index).to_numpy(dtype=float, na_value=np.nan)

    def first_periods(self, given: pd.Series, column: str) -> tuple[pd.Series, tuple[str, ...]]:
        """Return the first treated period of every value, missing where never, and notes.

        Never: None, NaN, NaT, infinity, empty text, and 0 unless it is a period and something else
        says never. Where periods are dates, whole numbers from 1 on count the periods of the table.

        Raises
        ------
        InputError
            For what cannot be one of the table's periods.
        """
        empty = never(given)
        if self.numbered and self.grid[0] <= 0 <= self.grid[-1]:
            zero = given.isin([0, "0"])
            if zero.any() and not (empty & ~zero).any():
                raise InputError(
                    f"0 is a period of '{self.time}', and would stand for never, too",
                    column=column,
                    value=0,
                    fix="leave never treated units empty, or number the periods from 1",
                )
            empty &= ~zero
        said = given[~empty]
        whole = whole_numbers(said)
        if self.numbered:
            whole = self._numbered(said, whole, column)
            return whole.astype("Int64").reindex(given.index), ()
        notes: tuple[str, ...] = ()
        if whole is not None and len(whole) and whole.between(1, len(self.grid)).all():
            days = pd.Series(self.grid[whole.to_numpy() - 1], index=said.index)
            notes = (
                f"'{column}' counts the periods of '{self.time}' from 1: {whole.iloc[0]} is "
                f"{days.iloc[0].date()}",
            )
        else:
            if whole is not None and self.period != "year" and whole.between(1900, 2200).any():
                raise InputError(
                    f"a year does not say which {self.period}",
                    column=column,
                    value=said.iloc[0],
                    fix="write the first treated day, as in 2022-08-22",
                )
            days = first_days(_wall(said), column)
        return days.reindex(given.index).astype("datetime64[ns]"), notes

    def _numbered(self, said: pd.Series, whole: pd.Series | None, column: str) -> pd.Series:
        first, last = self.grid[0], self.grid[-1]
        if whole is None:
            other = [value for value in said if whole_numbers(pd.Series([value])) is None]
            raise InputError(
                f"the periods of '{self.time}' are whole numbers, this is none",
                column=column,
                value=[*other, said.iloc[0]][0],
                fix="give the first treated period as a number, and 0 or nothing for never",
            )
        coded = whole.isin(_CODES)
        if first >= 0 and coded.any():
            raise InputError(
                f"no period of '{self.time}' is negative: this may be a code for never, or say "
                "before the data",
                column=column,
                value=int(whole[coded].iloc[0]),
                fix=f"leave never treated units empty, and write {first} for those treated before",
            )
        wrong = whole.between(first, last) & ~whole.isin(self.grid)
        if wrong.any():
            raise InputError(
                f"not one of the periods of '{self.time}', which go {first}, {self.grid[1]}, ...",
                column=column,
                value=int(whole[wrong].iloc[0]),
                fix="give the first treated one of them",
            )
        return whole


def _require_column(frame: pd.DataFrame, name: str, role: str) -> None:
    if name not in frame.columns:
        raise InputError(
            "the table has no such column",
            column=role,
            value=name,
            fix=f"one of {', '.join(map(str, frame.columns))}",
        )


def rows_by_period(panel: Panel | UnitTable) -> pd.DataFrame:
    """Return platform, artist_id, period and what else is known of every artist and period."""
    if isinstance(panel, UnitTable):
        return panel.rows
    rows = panel.artists.to_pandas()
    return rows.assign(period=pd.to_datetime(rows["period"]))


def period_grid(panel: Panel | UnitTable, periods: pd.Series) -> pd.Index:
    """Return every period from the first to the last of these."""
    first, last = periods.min(), periods.max()
    if isinstance(panel, UnitTable):
        return panel.grid[slice(*panel.grid.slice_locs(first, last))]
    return pd.date_range(first, last, freq=pandas_frequency(panel.period))


def place_in(index: pd.Index, dates: pd.Series) -> Array:
    """Return the place of the period that holds each date: -1 before the first, last where none."""
    kind: Any = {"dtype": float, "na_value": np.nan} if index.dtype.kind == "i" else {}
    places: Array = np.searchsorted(index.to_numpy(), dates.to_numpy(**kind), side="right")
    return places - 1


def panel_from_table(
    table: Any, *, unit: str, period: str, frequency: str | None = None
) -> UnitTable:
    """Take a ready table with one row per unit and period, as did, fixest or csdid do.

    For `exposure`, `matched`, `exposure_effects` and `exposure_study`, whose outcome then is any
    column of numbers. It need not be balanced.

    Parameters
    ----------
    table : pandas.DataFrame, polars.DataFrame, str or Path
        A path leads to a CSV, TSV, JSON, Parquet, SQLite or Excel file, packed or not.
    unit : str
        Column of the unit (an artist, say): text, whole numbers, UUIDs. In a file that is no
        Parquet they are text: 007 is not 7.
    period : str
        Column of the period: dates, pandas' periods, text such as 2021-03, 2021Q1 or 2021-03-15,
        whole numbers such as 202103, or a running number.
    frequency : {"day", "week", "month", "quarter", "year"}, optional
        Of dates; by default the coarsest one in which no unit has two rows in a period.

    Raises
    ------
    InputError
        For a file that cannot be read, a column that does not exist, an empty unit or period, two
        rows of a unit in one period, units that are the same as text, or dates with more gaps than
        periods.

    See Also
    --------
    exposure : Which takes a column of it.
    build_panel : Counts works by artist and period from a store.

    Examples
    --------
    >>> import pandas as pd, uploadtrends as ut
    >>> rows = [(who, t, 3 * (who < 4), who + t) for who in range(8) for t in range(1, 7)]
    >>> table = pd.DataFrame(rows, columns=["artist", "t", "g", "y"])
    >>> panel = ut.panel_from_table(table, unit="artist", period="t")
    >>> ut.exposure(panel, "g").counts()["treated"]
    4
    """
    frame = _read(table, unit)
    for role, name in (("unit", unit), ("period", period)):
        _require_column(frame, name, role)
        empty = frame[name].isna() | (frame[name].astype(str).str.strip() == "")
        if empty.any():
            raise InputError(
                f"empty in {empty.sum()} of {len(frame)} rows",
                column=name,
                fix="every row belongs to a unit and a period: fill it in, or drop the row",
            )
    if frame.empty or unit == period:
        raise InputError("no rows of units by period", column="period", value=period)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InputError("two columns have one name", column=str(twice), fix="rename one")
    names = _names(frame[unit], unit)
    when, kind, grid = _periods(frame[period], period, names, frequency)
    rows = pd.DataFrame({"platform": "table", "artist_id": names, "period": when})
    again = rows.duplicated()
    if again.any():
        place = rows[again].iloc[0]
        raise InputError(
            f"two rows of one unit in one period ({str(place['period'])[:10]})",
            column=unit,
            value=place["artist_id"],
            fix="keep one row per unit and period, or name a finer frequency",
        )
    order = rows.sort_values(["artist_id", "period"]).index
    absent = grid.difference(pd.Index(rows["period"]))
    notes: tuple[str, ...] = ()
    if len(absent):
        notes = (
            f"{len(absent)} of {len(grid)} periods of '{period}' have no row at all, the first is "
            f"{str(absent[0])[:10]}: what rests on them cannot be estimated",
        )
    values = frame.drop(columns=[unit, period]).loc[order].reset_index(drop=True)
    return UnitTable(
        rows.loc[order].reset_index(drop=True), values, grid, kind, unit, period, notes
    )


def _read(table: Any, unit: str) -> pd.DataFrame:
    if isinstance(table, str | Path):
        table = read_table(table, ids=[unit])
    elif hasattr(table, "collect"):
        table = table.collect()
    if hasattr(table, "to_pandas"):
        table = table.to_pandas()
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            "not a table",
            column="table",
            value=type(table).__name__,
            fix="give a pandas or polars frame, or the path of a file",
        )
    # Unit and period may be the index, as linearmodels has them.
    named = [name for name in table.index.names if name is not None and name not in table.columns]
    return table.reset_index(level=named).reset_index(drop=True)


def _names(units: pd.Series, column: str) -> pd.Series:
    """Return units as text, no two of them the same."""
    whole = whole_numbers(units) if units.dtype.kind == "f" else None
    names = (units if whole is None else whole).astype(str)
    if names.nunique() != units.nunique():
        several = units.groupby(names).nunique()
        raise InputError(
            "different units that read the same",
            column=column,
            value=several.index[several > 1][0],
            fix="write every unit in one way, as text or as a number",
        )
    return names


def _periods(
    given: pd.Series, column: str, names: pd.Series, frequency: str | None
) -> tuple[pd.Series, str, pd.Index]:
    """Return the period of every row, what it is called, and all periods."""
    whole = whole_numbers(given)
    if whole is not None and not whole.between(190001, 99999999).all():
        when = whole.astype("int64")
        steps = np.diff(np.unique(when))
        step = int(np.gcd.reduce(steps)) if len(steps) else 1
        grid: pd.Index = pd.Index(np.arange(when.min(), when.max() + step, step))
        _few_gaps(when, grid, column, "number the periods one after the other")
        return when, "period", grid
    days = first_days(_wall(given), column)
    if frequency is not None:
        kind = require_period(frequency)
    else:
        kind = next(
            (
                name
                for name, code in _STARTS.items()
                if not pd.DataFrame({"u": names, "t": days.dt.to_period(code)}).duplicated().any()
            ),
            "day",
        )
    when = days.dt.to_period(_STARTS[kind]).dt.start_time.astype("datetime64[ns]")
    grid = pd.date_range(when.min(), when.max(), freq=pandas_frequency(kind)).astype(
        "datetime64[ns]"
    )
    _few_gaps(when, grid, column, f"name the frequency (read as one row a {kind})")
    return when, kind, grid


def _wall(given: pd.Series) -> pd.Series:
    """Return moments as a clock on the wall shows them: the first of a month stays in its month."""
    return given.map(lambda v: v.replace(tzinfo=None) if getattr(v, "tzinfo", None) else v)


def _few_gaps(when: pd.Series, grid: pd.Index, column: str, fix: str) -> None:
    empty = len(grid) - when.nunique()
    if empty > when.nunique():
        raise InputError(
            f"more gaps than periods: {empty} of {len(grid)} have no row",
            column=column,
            value=str(when.min())[:10],
            fix=fix,
        )
