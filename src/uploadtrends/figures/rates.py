"""Upload rates read from an id clock: every month, and the weeks of interest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from uploadtrends.events import as_events
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, markers, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import ends, say
from uploadtrends.sources.id_clock import IdClock

_TALL = 1.7
_BETWEEN = 0.42
# Told from what is shaded without colour, too.
_ENLARGED: dict[str, Any] = {"facecolor": "none", "edgecolor": sheet.BLUE, "hatch": "...", "lw": 0}


@drawn("Uploads a day")
def upload_rates(
    clock: IdClock,
    events: Any = (),
    *,
    since: str = "2015",
    weeks: tuple[str, str] = ("2022-01", "2023-03"),
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw the rate of uploads by month and, enlarged, by week.

    Periods without enough pairs of id and time are shaded: their value is an average across a gap.
    Bars show what rising ids allow; a bar that leaves the axis ends in an arrow.

    Parameters
    ----------
    clock : IdClock
        Such as `uploadtrends.sources.bundled.pixiv_clock()`.
    events : anything `uploadtrends.as_events` takes
        Numbered on the enlarged weeks.
    since : str
        First month of the upper part.
    weeks : (str, str)
        What the lower part shows.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has step (month, week), period, rate, low, high, interpolated, pairs; rates in
        works a day.
    """
    months, near = clock.rates("month").loc[since:], clock.rates("week").loc[weeks[0] : weeks[1]]
    limits = frame.time_limits([pd.DatetimeIndex(near.index)])
    inner = width - frame.MARGIN - frame.RIGHT
    strip = markers.arrange(list(as_events(events)), limits, inner)
    columns = markers.key_columns(strip, width)
    colour = sheet.look(clock.platform)[0]
    key = markers.key_height(columns) if strip.markers else 0.0
    top = 0.04
    figure = Drawing(width, top + 2 * _TALL + _BETWEEN + strip.height + 0.34 + key + 0.05)
    above = layout.place(figure, frame.MARGIN, top, inner, _TALL)
    _steps(above, months, colour, "by month")
    long = frame.time_limits([pd.DatetimeIndex(months.index)])
    above.axvspan(*limits, **_ENLARGED)
    frame.dates(above, long)
    row = top + _TALL + _BETWEEN
    if strip.rows:
        ruler = layout.place(figure, 0, row, width - frame.RIGHT, strip.height, bare=True)
        markers.draw_strip(ruler, strip, limits, frame.MARGIN)
        row += strip.height + 0.04
    below = layout.place(figure, frame.MARGIN, row, inner, _TALL)
    _steps(below, near, colour, "by week")
    frame.dates(below, limits)
    markers.draw_lines([below], strip)
    if strip.markers:
        foot = layout.place(figure, 0.08, row + _TALL + 0.28, width - 0.16, key, bare=True)
        markers.draw_key(foot, columns)
    _legend(figure, colour, width)
    figure.data = pd.concat({"month": months, "week": near}, names=["step"]).reset_index()
    figure.caption = _caption(clock, months, near)
    figure.alternative = say(
        "Two step charts of works a day on {name}. By month from {first} to {last}: {start} at "
        "first, {end} at the end. By week from {first_week} to {last_week}: between {low} and "
        "{high}.",
        name=sheet.title(clock.platform),
        **ends(months["rate"]),
        first_week=f"{near.index[0]:%Y-%m-%d}",
        last_week=f"{near.index[-1]:%Y-%m-%d}",
        low=f"{near['rate'].min():.0f}",
        high=f"{near['rate'].max():.0f}",
    )
    return figure


def _steps(axes: Axes, table: pd.DataFrame, colour: str, name: str) -> None:
    borders = frame.edges(pd.DatetimeIndex(table.index))
    values, guessed = table["rate"].to_numpy(), table["interpolated"].to_numpy()
    top = float(values.max()) * 1.12
    bottom = max(0.0, float(values.min()) * 0.85) if len(table) < 100 else 0.0
    axes.stairs(values, borders, color=colour, linewidth=1.0, baseline=None, zorder=3)
    frame.shade(axes, borders, guessed, color=sheet.SHADE)
    known = np.flatnonzero(~guessed)
    centre = (borders[:-1] + borders[1:]) / 2
    low, high = table["low"].to_numpy(), table["high"].to_numpy()
    axes.vlines(
        centre[known],
        np.maximum(low[known], bottom),
        np.minimum(high[known], top),
        color=sheet.MUTED,
        linewidth=0.5,
        alpha=0.6,
        zorder=2,
    )
    axes.plot(
        centre[known], values[known], color=colour, marker="o", markersize=2, linestyle="", zorder=4
    )
    axes.text(0.008, 0.92, name, transform=axes.transAxes, weight="bold", va="top", zorder=7)
    axes.set_ylim(bottom, top)
    frame.arrows(axes, centre[known], low[known], high[known], sheet.MUTED)
    axes.set_ylabel("thousand works a day")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}")


def _legend(figure: Drawing, colour: str, width: float) -> None:
    handles: list[Any] = [
        Line2D([], [], color=colour, marker="o", markersize=2.4, label="enough dated works"),
        Line2D([], [], color=sheet.MUTED, linewidth=0.5, label="what rising ids allow"),
        Patch(facecolor=sheet.SHADE, edgecolor=sheet.RULE, label="interpolated"),
        Patch(**_ENLARGED, label="enlarged below"),
    ]
    left = frame.MARGIN if width > 5 else 0.08
    layout.legend_above(figure, handles, [one.get_label() for one in handles], left=left)


def _caption(clock: IdClock, months: pd.DataFrame, weeks: pd.DataFrame) -> str:
    return say(
        "Works a day on {platform}: ids are sequential, so the difference of "
        "two ids over the difference of their times is the total upload rate (works deleted since "
        "and works made by machines included). Shaded: {months} of {all_months} months and {weeks} "
        "of {all_weeks} weeks "
        "without enough dated works, where the value is an average across a gap. Bars: what rising "
        "ids allow without any assumption about rates; arrows: beyond the axis. The lower axis "
        "does not begin at zero.",
        platform=sheet.title(clock.platform),
        months=int(months["interpolated"].sum()),
        all_months=len(months),
        weeks=int(weeks["interpolated"].sum()),
        all_weeks=len(weeks),
    )
