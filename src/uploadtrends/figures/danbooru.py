"""Figure 2: uploads to Danbooru per month, and how well each month is known."""

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


@drawn("Uploads to Danbooru")
def figure2(
    panel: Any,
    events: Any = (),
    *,
    platform: str = "danbooru",
    group: str | None = None,
    start: str | None = None,
    end: str | None = None,
    anchors: Any = None,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw uploads per month as steps, with the months that hold no dated post marked.

    From post ids and times (``series`` loader ``id_clock``) a month's value is an average between
    the two nearest dated posts; months that lie mostly in such gaps are shaded. Bars show
    what rising ids allow without any assumption about rates. From a loaded dump every month is
    counted. No test is run on interpolated months.

    Parameters
    ----------
    panel : Panel
    events : anything `uploadtrends.as_events` takes
    platform, group : str
        Which series; the group defaults to ``total`` or, for a dump, ``all``.
    start, end : str, optional
        First and last month shown; by default from three years before the first event.
    anchors : pandas.DatetimeIndex or the like, optional
        When the dated posts were made, for the marks along the foot.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has period, value, low, high, interpolated, complete.
    """
    groups = [name for where, name in list(panel.keys()) if where == platform]
    if group is None:
        group = next((g for g in ("all", "total") if g in groups), groups[0] if groups else "all")
    series = panel.series(platform, group, flagged="keep")
    chosen = list(as_events(events)) if events is not None else []
    if start is None and chosen:
        start = str(max(chosen[0].start.year - 3, series.index[0].year))
    series = series.loc[start:end]
    flags = panel.flags(platform, group).reindex(series.index)
    guessed = flags["interpolated"].astype("boolean").fillna(False).to_numpy(dtype=bool)
    whole = flags["complete"].astype("boolean").fillna(True).to_numpy(dtype=bool)
    clock = bool(guessed.any())
    limits = frame.time_limits([series.index])
    inner = width - frame.MARGIN - frame.RIGHT
    strip = markers.arrange(events, limits, inner)
    columns = markers.key_columns(strip, width)
    tall = 1.9 if width > 5 else 1.6
    key = markers.key_height(columns) if strip.markers else 0.0
    figure = Drawing(width, 0.04 + strip.height + tall + 0.3 + key + 0.05)
    top = 0.02
    if strip.rows:
        ruler = layout.place(figure, 0, top, width - frame.RIGHT, strip.height, bare=True)
        markers.draw_strip(ruler, strip, limits, frame.MARGIN)
        top += strip.height + 0.04
    axes = layout.place(figure, frame.MARGIN, top, inner, tall)
    bounds = _bounds(panel, platform, group, series)
    _steps(axes, series, guessed, whole, bounds)
    if anchors is not None:
        _rug(axes, anchors, limits)
    axes.set_ylim(0, float(series.max()) * 1.08)
    axes.set_ylabel("thousand posts a month")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}")
    frame.dates(axes, limits)
    markers.draw_lines([axes], strip)
    if strip.markers:
        below = layout.place(figure, 0.08, top + tall + 0.28, width - 0.16, key, bare=True)
        markers.draw_key(below, columns)
    handles = _legend(clock, bool((~whole).any()), anchors is not None)
    left = frame.MARGIN if width > 5 else 0.08
    layout.legend_above(figure, handles, [one.get_label() for one in handles], left=left)
    figure.data = pd.DataFrame(
        {
            "period": series.index,
            "value": series.to_numpy(),
            "low": bounds["low"].to_numpy(),
            "high": bounds["high"].to_numpy(),
            "interpolated": guessed,
            "complete": whole,
        }
    )
    figure.caption = _caption(figure.data, clock)
    figure.alternative = say(
        "Step chart of posts a month on {platform}, {first} to {last}: {start} at first, {end} at "
        "the end, at most {most} in {when}.",
        platform=sheet.title(platform),
        **ends(series),
        most=f"{series.max():.0f}",
        when=f"{series.idxmax():%Y-%m}",
    )
    return figure


def _bounds(panel: Any, platform: str, group: str, series: pd.Series) -> pd.DataFrame:
    """Return what the ids allow at the least and at the most in each month; NaN where unknown."""
    rows = panel.groups.to_pandas()
    rows = rows[(rows["platform"] == platform) & (rows["group"] == group)]
    rows = rows.set_index(pd.DatetimeIndex(rows["period"]))
    bounds: pd.DataFrame = rows[["low", "high"]].astype(float).reindex(series.index)
    return bounds


def _rug(axes: Axes, anchors: Any, limits: tuple[float, float]) -> None:
    """Mark along the foot when the dated posts were made."""
    times = pd.to_datetime(pd.Series(anchors), utc=True, format="ISO8601").dt.tz_localize(None)
    when = np.unique(np.floor(frame.days(times.to_numpy())))
    when = when[(when >= limits[0]) & (when <= limits[1])]
    axes.plot(
        when,
        np.full(len(when), 0.02),
        transform=axes.get_xaxis_transform(),
        color=sheet.INK,
        marker="|",
        markersize=5,
        markeredgewidth=0.6,
        linestyle="",
        zorder=6,
    )


def _steps(axes: Axes, series: pd.Series, guessed: Any, whole: Any, bounds: pd.DataFrame) -> None:
    borders = frame.edges(series.index)
    values = series.to_numpy(dtype=float)
    colour = sheet.look("danbooru")[0]
    axes.stairs(values, borders, color=colour, linewidth=1.0, baseline=None, zorder=3)
    frame.shade(axes, borders, guessed, color=sheet.SHADE)
    known = ~guessed & ~np.isnan(values)
    centre = (borders[:-1] + borders[1:]) / 2
    axes.vlines(
        centre[known],
        bounds["low"].to_numpy()[known],
        bounds["high"].to_numpy()[known],
        color=colour,
        linewidth=0.6,
        alpha=0.7,
        zorder=2,
    )
    axes.plot(
        centre[known & whole],
        values[known & whole],
        color=colour,
        marker="o",
        markersize=2.4,
        linestyle="",
        zorder=4,
    )
    partial = ~whole & ~np.isnan(values)
    axes.plot(
        centre[partial],
        values[partial],
        color=colour,
        marker="o",
        markerfacecolor=sheet.PAPER,
        markersize=3,
        linestyle="",
        zorder=4,
    )


def _legend(clock: bool, partial: bool, anchored: bool) -> list[Any]:
    colour = sheet.look("danbooru")[0]
    handles: list[Any] = [
        Line2D(
            [],
            [],
            color=colour,
            marker="o",
            markersize=2.6,
            linewidth=1.0,
            label="month with enough dated posts" if clock else "counted month",
        )
    ]
    if clock:
        handles.append(Patch(facecolor=sheet.SHADE, edgecolor=sheet.RULE, label="interpolated"))
    if anchored:
        handles.append(
            Line2D(
                [], [], color=sheet.INK, marker="|", linestyle="", markersize=5, label="dated post"
            )
        )
    if partial:
        handles.append(
            Line2D(
                [],
                [],
                color=colour,
                marker="o",
                markerfacecolor=sheet.PAPER,
                linestyle="",
                label="incomplete month",
            )
        )
    return handles


def _caption(data: pd.DataFrame, clock: bool) -> str:
    if not clock:
        return say("Uploads per month, counted from the loaded metadata.")
    guessed = int(data["interpolated"].sum())
    return say(
        "Posts per month from the id clock: ids are sequential, so the difference of two ids over "
        "the difference of their times is the total upload rate (deleted posts included). "
        "In {guessed} of {n} months more than half of the days lie in long gaps between "
        "dated posts (shaded): the value is an average across a gap and cannot say when inside it "
        "a change happened. No test is run on these months. Bars: what rising ids allow in a month "
        "without any assumption about rates.",
        guessed=guessed,
        n=len(data),
    )
