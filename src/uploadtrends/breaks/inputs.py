"""Turn what a user passes (a Series, several, a Panel) into named regular series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.events.timing import as_regular_series

Named = tuple[str, str, pd.Series]


def named_series(
    data: Any,
    *,
    unit: str,
    groups: Iterable[str] | None = None,
    platforms: Iterable[str] | None = None,
) -> list[Named]:
    """Return (platform, group, regular series) for everything in `data`.

    Parameters
    ----------
    data : pandas.Series, mapping of Series, pandas.DataFrame or Panel
        The keys of a mapping and the columns of a frame are group names, or (platform, group).
    unit : str
        What to take from a panel, for instance ``"uploads"``.
    groups, platforms : iterable of str, optional
        Keep only these.

    Raises
    ------
    InputError
        If `data` is none of these, holds no series, or a filter matches nothing.
    """
    found: list[Named] = []
    if isinstance(data, pd.Series):
        found.append(("", "series" if data.name is None else str(data.name), data))
    elif isinstance(data, pd.DataFrame | Mapping):
        for key, series in data.items():
            platform, group = key if isinstance(key, tuple) else ("", key)
            if not isinstance(series, pd.Series):
                raise InputError(
                    "a value of the mapping is not a pandas Series",
                    column=str(group),
                    value=type(series).__name__,
                    fix="pass {name: Series}",
                )
            found.append((str(platform), str(group), series))
    elif hasattr(data, "keys") and hasattr(data, "series"):
        found.extend((p, g, data.series(p, g, unit=unit)) for p, g in data.keys())
    else:
        raise InputError(
            "expected a pandas Series, a mapping of them, a DataFrame or a Panel",
            value=type(data).__name__,
            fix="pass a Series with dates, or ut.build_panel(store)",
        )
    for what, wanted, place in (("platform", platforms, 0), ("group", groups, 1)):
        if wanted is None:
            continue
        chosen = [wanted] if isinstance(wanted, str) else list(wanted)
        present = sorted({str(item[place]) for item in found})
        if missing := [name for name in chosen if name not in present]:
            raise InputError(
                f"no such {what}", value=missing[0], fix=f"choose from {', '.join(present)}"
            )
        found = [item for item in found if item[place] in chosen]
    if not found:
        raise InputError("there is no series in the data", fix="give at least one")
    return [(platform, group, as_regular_series(series)) for platform, group, series in found]
