"""From what a study file says to what a function takes: lists, series, events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.events import Event, EventSet, event_catalogue
from uploadtrends.panel.ready import UnitTable, panel_from_table
from uploadtrends.signatures import Setting, unknown
from uploadtrends.sources.frames import read_table
from uploadtrends.study import keys

if TYPE_CHECKING:
    from uploadtrends.panel import Panel

_DATE = re.compile(r"^\d{4}-\d{2}(-\d{2})?$")
IN_FILE = {"file", "column", "date", "artist"}
IN_PANEL = {"platform", "group", "unit", "flagged"}


class Values:
    """Reads the values of a study file.

    Parameters
    ----------
    panels : mapping of str to Panel
        Where series are found by platform; "main" first.
    folder : Path
        Where the files that the study names lie.
    file : Path, optional
        The study file, for errors.
    """

    def __init__(self, panels: Mapping[str, Panel], folder: Path, file: Path | None) -> None:
        self._panels = panels
        self._folder = folder
        self._file = file

    def section(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a section's values as arguments: lists as tuples, series as pandas objects.

        A series is named by ``platform``, ``group`` and ``unit``, or by ``file`` and ``column``
        (and ``date`` or ``artist``, the column of its index; the first one by default).

        Raises
        ------
        InputError
            If a series or a file that is named does not exist.
        """
        known = keys.section(name)
        return {
            key: self._value(f"{name}.{key}", value, known[key]) for key, value in given.items()
        }

    def ready_table(self, place: str, said: Mapping[str, Any]) -> UnitTable:
        """Return a table of units by period that the study names by file, unit and period."""
        known = ("file", "unit", "period", "frequency")
        for key in said:
            if key not in known:
                raise unknown(key, known, "a ready table has no such key", place, self._file)
        for key in known[:3]:
            if key not in said:
                raise InputError(
                    f"a ready table lacks '{key}'",
                    file=self._file,
                    column=place,
                    fix='write { file = "table.csv", unit = "artist", period = "month" }',
                )
        columns = {key: value for key, value in said.items() if key != "file"}
        return panel_from_table(self._file_of(place, said), **columns)

    def _value(self, place: str, value: Any, setting: Setting) -> Any:
        if isinstance(value, Mapping) and setting.kinds & {"series", "frame", "anything"}:
            return self._data(place, value, setting)
        if isinstance(value, Mapping) and "file" in value:
            return self._series(place, value).to_dict()
        return plain(value)

    def _data(self, place: str, value: Mapping[str, Any], setting: Setting) -> Any:
        if not all(isinstance(part, Mapping) for part in value.values()):
            found = self._series(place, value)
            return found if "frame" not in setting.kinds else found.to_frame()
        named = {key: self._series(f"{place}.{key}", part) for key, part in value.items()}
        if "series" in setting.kinds or "anything" in setting.kinds:
            return {tuple(key.split("/")) if "/" in key else key: one for key, one in named.items()}
        return pd.DataFrame(named)

    def _series(self, place: str, said: Mapping[str, Any]) -> pd.Series:
        known = IN_FILE if "file" in said else IN_PANEL
        for key in said:
            if key not in known:
                raise unknown(
                    key, sorted(known), "a series has no such key", f"{place}.{key}", self._file
                )
        return self._from_file(place, said) if "file" in said else self._from_panel(place, said)

    def _from_panel(self, place: str, said: Mapping[str, Any]) -> pd.Series:
        platform = said.get("platform")
        panel = self._panels.get(str(platform), self._panels["main"])
        if platform is None:
            raise InputError(
                "a series is named by its platform, or by a file",
                file=self._file,
                column=place,
                fix='write { platform = "...", group = "..." } or { file = "...", column = "..." }',
            )
        return panel.series(**said)

    def _file_of(self, place: str, said: Mapping[str, Any]) -> Path:
        path = self._folder / str(said["file"])
        if not path.exists():
            raise InputError(
                "a file of the study does not exist",
                file=self._file,
                column=f"{place}.file",
                value=said["file"],
                fix="correct the path (relative to the study file)",
            )
        return path

    def _from_file(self, place: str, said: Mapping[str, Any]) -> pd.Series:
        path = self._file_of(place, said)
        frame = read_table(path, ids=[str(said["artist"])] if "artist" in said else [])
        index = said.get("artist", said.get("date", frame.columns[0]))
        column = said.get("column", frame.columns[-1])
        for name in (index, column):
            if name not in frame.columns:
                raise unknown(
                    str(name),
                    list(map(str, frame.columns)),
                    "the file has no such column",
                    f"{place}.column",
                    path,
                )
        series: pd.Series = frame.set_index(index)[column]
        if "artist" in said:
            series.index = series.index.astype(str)
            return series
        series.index = _dates(series.index, path, str(index))
        return series


def _dates(index: pd.Index, path: Path, column: str) -> pd.DatetimeIndex:
    dates = pd.to_datetime(index.astype(str), errors="coerce", format="mixed")
    if dates.isna().any():
        bad = index[dates.isna()][0]
        raise InputError(
            "a date cannot be read", file=path, column=column, value=bad, fix="write YYYY-MM-DD"
        )
    return pd.DatetimeIndex(dates)


def plain(value: Any) -> Any:
    """Return a value of a study file with its lists as tuples."""
    return tuple(map(plain, value)) if isinstance(value, list) else value


def events_named(names: Iterable[Any]) -> EventSet:
    """Return events by what stands for them in a study: a date, or an id of the catalogue."""
    chosen = EventSet()
    for name in names:
        dated = hasattr(name, "isoformat") or _DATE.match(str(name))
        chosen = chosen + (Event(str(name)) if dated else event_catalogue(ids=[str(name)]))
    return chosen
