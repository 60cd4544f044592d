"""From whatever the user holds (Series, dict, DataFrame, Panel) to a list of regular series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.series.grid import as_regular_series


@dataclass(frozen=True)
class NamedSeries:
    """One series with its place: platform and group (empty where the user gave none)."""

    platform: str
    group: str
    values: pd.Series
    instrument: pd.Series | None = None
    """Which instrument counted each period, where the panel says so."""
    has_artists: bool = False

    @property
    def name(self) -> str:
        """How sentences call it."""
        return ", ".join(part for part in (self.platform, self.group) if part) or "the series"


def named_series(
    data: Any,
    *,
    unit: str = "uploads",
    platforms: str | Sequence[str] | None = None,
    groups: str | Sequence[str] | None = None,
) -> list[NamedSeries]:
    """Return every series of the data, on a regular grid.

    Raises
    ------
    InputError
        If the data are of no known kind, a platform or group is unknown, or a series is irregular.
    """
    found = list(_each(data, unit))
    if not found:
        raise InputError("the data hold no series", fix="give at least one column or group")
    for what, wanted in (("platform", platforms), ("group", groups)):
        if wanted is None:
            continue
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        known = sorted({getattr(item, what) for item in found})
        for name in names:
            if name not in known:
                raise InputError(
                    f"no such {what}", column=what, value=name, fix=f"known: {', '.join(known)}"
                )
        found = [item for item in found if getattr(item, what) in names]
    if not found:
        raise InputError("no series is left after choosing platforms and groups")
    return found


def _each(data: Any, unit: str) -> Iterator[NamedSeries]:
    if isinstance(data, pd.Series):
        yield NamedSeries(
            "", str(data.name) if data.name is not None else "", as_regular_series(data)
        )
    elif isinstance(data, pd.DataFrame):
        for key in data.columns:
            yield _from_pair(key, data[key])
    elif isinstance(data, Mapping):
        for key, series in data.items():
            yield _from_pair(key, series)
    elif hasattr(data, "series") and hasattr(data, "keys"):
        yield from _from_panel(data, unit)
    else:
        raise InputError(
            "cannot find series in this",
            value=type(data).__name__,
            fix="pass a pandas Series with dates, a DataFrame with one column a series, or a Panel",
        )


def _from_pair(key: Any, series: Any) -> NamedSeries:
    platform, group = key if isinstance(key, tuple) and len(key) == 2 else ("", key)
    if not isinstance(series, pd.Series):
        raise InputError(
            "expected a pandas Series with dates",
            column=str(key),
            value=type(series).__name__,
            fix="pass a dict of pandas Series",
        )
    return NamedSeries(str(platform), str(group), as_regular_series(series.rename(str(group))))


def _from_panel(panel: Any, unit: str) -> Iterator[NamedSeries]:
    for platform, group in panel.keys():
        series = as_regular_series(panel.series(platform, group, unit=unit))
        flags = panel.flags(platform, group) if hasattr(panel, "flags") else None
        instrument = None
        if flags is not None and "instrument" in getattr(flags, "columns", ()):
            instrument = _aligned(flags, pd.DatetimeIndex(series.index))
        has = bool(panel.has_artists(platform)) if hasattr(panel, "has_artists") else False
        yield NamedSeries(platform, group, series, instrument, has)


def _aligned(flags: Any, index: pd.DatetimeIndex) -> pd.Series | None:
    frame = flags.to_pandas() if hasattr(flags, "to_pandas") else flags
    if "period" in frame.columns:
        frame = frame.set_index(pd.DatetimeIndex(frame["period"]))
    column = frame["instrument"].reindex(index)
    return column if column.notna().any() else None


def single_instrument(
    item: NamedSeries, dates: Sequence[Any]
) -> tuple[pd.Series, list[pd.Timestamp], str]:
    """Return the stretch counted by one instrument, the changes, and a note.

    The stretch is the one that holds most of the dates, the longest where that is a tie.
    """
    if item.instrument is None:
        return item.values, [], ""
    known = item.instrument.ffill().bfill()
    changed = np.array(known != known.shift())
    changed[0] = False
    starts = list(known.index[changed])
    if not starts:
        return item.values, [], ""
    stretch = np.cumsum(changed)

    def merit(number: int) -> tuple[int, int]:
        index = known.index[stretch == number]
        held = sum(bool(index[0] <= pd.Timestamp(d) <= index[-1]) for d in dates)
        return held, len(index)

    best = max(range(int(stretch[-1]) + 1), key=merit)
    kept = item.values[stretch == best]
    name = known[stretch == best].iloc[0]
    note = (
        f"only the periods counted by the instrument {name} are used "
        f"({kept.index[0]:%Y-%m} to {kept.index[-1]:%Y-%m})"
    )
    return kept.asfreq(pd.DatetimeIndex(item.values.index).freq), starts, note
