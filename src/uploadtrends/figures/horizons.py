"""How an effect unfolds: estimates with intervals by time since the event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from uploadtrends.errors import InputError
from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.ratios import REACH, number, percent_ticks, place
from uploadtrends.figures.canvas.styling import called, say, told
from uploadtrends.figures.effects import between


@drawn("Effects by time since the event")
def event_study(
    result: Any,
    event: str | None = None,
    *,
    relative: bool = True,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw how the effect of one event unfolds: months since the change on the x axis.

    Parameters
    ----------
    result : InterruptedTimeSeries, or a frame with the columns of its ``effects``
        With effects at several horizons (``effect_1m``, ``effect_3m``, ...). A frame with columns
        ``platform, group, relative_period, estimate, low, high`` (as from an artist-level event
        study, where periods before the event are estimated too) works as well.
    event : str, optional
        Id of the event or block; the first that has estimates by default.
    relative : bool
        In percent of what was expected, where known, on a scale of ratios.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, relative_period, estimate, low, high, unit.

    Raises
    ------
    InputError
        If the event has no effects by horizon.
    """
    effects = result if isinstance(result, pd.DataFrame) else result.effects
    found = _given(effects, event, relative) if "relative_period" in effects else None
    path = found if found is not None else _path(effects, event, relative)
    percent = "unit" in path and str(path["unit"].iloc[0]).startswith("%")
    keys = sheet.ordered(set(panels.series_keys(path)))
    titles = [series.heading(*key) for key in keys]
    count = frame.columns_for(len(keys), width)
    since = "periods since the event" if "relative_period" in effects else "months since the change"
    label = called(str(path["label"].iloc[0])) if "label" in path else say("the event")
    apart = "relative_period" in effects
    units = list(dict.fromkeys(map(str, path["unit"]))) if "unit" in path else []
    unit = units[0] if len(units) == 1 else "units of the series"
    if percent and apart:
        unit = "%"
    what = "difference between groups" if apart else "difference from what was expected"
    heading = say(f"{{label}}: {what}", label=label) + f" ({told(unit)})"
    head = layout.height_of(heading, width - 0.2, 7.0)
    figure, grid = frame.grid(
        width, titles, [""] * len(keys), columns=count, tall=1.0, top=head + 0.12, bottom=0.15
    )
    layout.label(figure, heading, 0.08, 0.03, width - 0.2, 7.0)
    for axes, (platform, group) in zip(grid, keys, strict=True):
        _path_panel(axes, series.of(path, platform, group), platform, percent)
    for axes in grid[-count:]:
        axes.set_xlabel(since)
    figure.data = path
    figure.caption = say(
        "{what} ({unit}), by time since {label}; bars are 95% intervals, one at a time; arrows: "
        "beyond the axis. Points of one panel share data and are not independent.",
        what=say(what.capitalize()),
        unit=told(unit),
        label=label,
    )
    said = [
        say(
            "{series} after {n}: {value}.",
            series=series.heading(row["platform"], row["group"]),
            n=row["relative_period"],
            value=f"{number(row['estimate'])} {between(row['low'], row['high'])}",
        )
        for row in path.to_dict("records")
    ]
    first = say("One panel per series: effect by time since {label}.", label=label)
    figure.alternative = " ".join([first, *said])
    return figure


def _path_panel(axes: Axes, part: pd.DataFrame, platform: str, percent: bool) -> None:
    part = part.sort_values("relative_period")
    colour, marker, _ = sheet.look(platform)
    where = part["relative_period"].to_numpy(dtype=float)
    low, middle, high = (place(part[name], percent) for name in ("low", "estimate", "high"))
    if percent:
        far = float(place(REACH, True))
        low, high = np.clip(low, -far * 1.3, far * 1.3), np.clip(high, -far * 1.3, far * 1.3)
    axes.axhline(0, color=sheet.INK, linewidth=0.8)
    axes.axvline(0, color=sheet.MUTED, linewidth=0.6, linestyle=":")
    span = np.vstack([np.maximum(middle - low, 0), np.maximum(high - middle, 0)])
    axes.errorbar(where, middle, yerr=span, color=colour, marker=marker, linewidth=1, elinewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if percent:
        bottom, top = 1.05 * min(float(low.min()), -0.3), 1.05 * max(float(high.max()), 0.3)
        axes.set_ylim(bottom, top)
        axes.set_yticks(*percent_ticks(bottom, top, 1.0, 0.16))
        beyond = np.vstack([place(part[name], True) for name in ("low", "estimate", "high")])
        frame.arrows(axes, where, beyond.min(axis=0), beyond.max(axis=0), colour)
    else:
        axes.locator_params(axis="y", nbins=4)


def _given(effects: pd.DataFrame, event: str | None, relative: bool) -> pd.DataFrame:
    """Return an event study's own periods, in percent where it has them."""
    path = effects if event is None else effects[effects["event"] == event]
    if relative and "relative_low" in path:
        names = ["estimate", "low", "high"]
        percent = path[["relative", "relative_low", "relative_high"]].set_axis(names, axis=1)
        path = path.drop(columns=names).join(percent).assign(unit="% of expected")
    return path.reset_index(drop=True)


def _path(effects: pd.DataFrame, event: str | None, relative: bool) -> pd.DataFrame:
    found = effects[effects["term"].str.fullmatch(r"effect_\d+m") & effects["estimate"].notna()]
    if event is None and len(found):
        event = str(found["event"].iloc[0])
    found = found[found["event"] == event]
    if found.empty:
        raise InputError(
            "no effects by horizon for this event",
            column="event",
            value=event,
            fix=f"use one of {', '.join(map(str, effects['event'].unique()))}",
        )
    percent = relative and bool(found["relative"].notna().any())
    if percent:  # what has no percent would need another axis
        found = found[found["relative"].notna()]
    names = (
        ["relative", "relative_low", "relative_high"] if percent else ["estimate", "low", "high"]
    )
    return pd.DataFrame(
        {
            "platform": found["platform"],
            "group": found["group"],
            "label": found["label"],
            "relative_period": found["term"].str.extract(r"(\d+)", expand=False).astype(int),
            "estimate": found[names[0]],
            "low": found[names[1]],
            "high": found[names[2]],
            "unit": "% of expected" if percent else found["unit"],
        }
    ).reset_index(drop=True)
