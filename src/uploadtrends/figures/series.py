"""A series with its fit, its counterfactual and its dated breaks."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uploadtrends.collect.sites import written
from uploadtrends.errors import InputError
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import drawn
from uploadtrends.figures.canvas.styling import say, told

ROOM_FOR_BANDS = 1.5
"""How much higher than the values an axis may reach to show a band whole."""


def draw_observed(axes: Axes, series: pd.Series, colour: str, marker: str = "o") -> None:
    """Draw the observed values; a masked period leaves a gap."""
    axes.plot(
        frame.middle(series.index),
        series.to_numpy(dtype=float),
        color=colour,
        marker=marker,
        linewidth=0.5,
        markersize=2.4,
        alpha=0.9,
        zorder=3,
        label="observed",
    )


def draw_fit(axes: Axes, fit: Any, colour: str) -> None:
    """Draw a fitted model: the fit, and what it expects without the events, with its band."""
    if fit.status == "refused":
        return
    # Periods that were left out (washout, missing) have no fit: the line has a gap there.
    fitted = fit.fitted.where(fit.used)
    if fitted.notna().any():
        axes.plot(
            frame.middle(fitted.index),
            fitted.to_numpy(dtype=float),
            color=colour,
            linewidth=1.5,
            zorder=4,
            label="fitted",
        )
    expected = fit.counterfactual
    if expected is not None and len(expected):
        where = frame.middle(expected.index)
        axes.plot(
            where,
            expected["estimate"].to_numpy(dtype=float),
            color=sheet.MUTED,
            linewidth=1.0,
            linestyle=(0, (3, 1.5)),
            zorder=2,
            label="expected without the events",
        )
        axes.fill_between(
            where,
            expected["low"].to_numpy(dtype=float),
            expected["high"].to_numpy(dtype=float),
            color=sheet.MUTED,
            alpha=0.22,
            linewidth=0,
            zorder=1,
            label="its 95% interval",
        )


def draw_left_out(axes: Axes, fit: Any) -> None:
    """Hatch the periods that the fit leaves out: there its line has a hole."""
    if fit.status == "refused":
        return
    out = ~fit.used.to_numpy(dtype=bool) & fit.observed.notna().to_numpy()
    borders = frame.edges(fit.observed.index)
    look = {"facecolor": "none", "edgecolor": sheet.RULE, "hatch": "////"}
    frame.shade(axes, borders, out, label="left out of the fit", **look)


def draw_cut(axes: Axes, expected: pd.DataFrame | None) -> None:
    """Mark with arrows where the axis cuts what was expected, or its interval."""
    if expected is None or expected.empty:
        return
    low, high = (expected[name].to_numpy(dtype=float) for name in ("low", "high"))
    frame.arrows(axes, frame.middle(expected.index), low, high, sheet.MUTED, most=5, named=True)


def draw_breaks(axes: Axes, table: pd.DataFrame) -> int:
    """Draw dated breaks with their intervals along the upper edge; return how many."""
    along = axes.get_xaxis_transform()
    count = 0
    for row in table.to_dict("records"):
        if pd.isna(row["date"]):
            continue
        when = frame.days(row["date"])
        axes.axvline(when, color=sheet.INK, linewidth=0.8, linestyle=(0, (1, 1.2)), zorder=2.5)
        if pd.notna(row["low"]) and pd.notna(row["high"]):
            axes.plot(
                [frame.days(row["low"]), frame.days(row["high"])],
                [0.96, 0.96],
                transform=along,
                color=sheet.INK,
                linewidth=2.2,
                solid_capstyle="butt",
                zorder=5,
            )
        axes.plot(
            [when],
            [0.96],
            transform=along,
            color=sheet.INK,
            marker="v",
            markersize=4,
            zorder=6,
            linestyle="",
            label="dated break, 95% interval" if count == 0 else None,
        )
        count += 1
    return count


def finish(
    axes: Axes,
    observed: pd.Series,
    limits: tuple[float, float] | None = None,
    expected: pd.DataFrame | None = None,
) -> None:
    """Set limits that show every value, the band where it is not far wider, and a date axis."""
    values = observed.dropna()
    if len(values) and values.min() >= 0:
        top = max(float(values.max()) * 1.12, 1e-9)
        if expected is not None and expected["high"].notna().any():
            top = max(top, min(float(expected["high"].max()) * 1.03, ROOM_FOR_BANDS * top))
        axes.set_ylim(0, top)
    axes.locator_params(axis="y", nbins=4)
    frame.dates(axes, limits or frame.time_limits([observed.index]), ticks=6)


def of(table: pd.DataFrame, platform: str, group: str) -> pd.DataFrame:
    """Return the rows of one series."""
    return table[(table["platform"] == platform) & (table["group"] == group)]


def short_reason(reason: str) -> str:
    """Return the reason without the advice that follows it, sites by their written names."""
    words = reason.partition(";")[0].split()
    return " ".join(written(word) for word in words)


def heading(platform: str, group: str) -> str:
    """Return the title of a panel."""
    if platform in ("", "series", None):
        return sheet.title(group)
    if group in ("", "all", None):
        return sheet.title(platform)
    return f"{sheet.title(platform)}, {say(group)}"


def legend_above(
    figure: Figure, panels: Iterable[Axes], *, left: float = 0.08, columns: int | None = None
) -> None:
    """Write one legend for all panels above them; it makes its own room."""
    seen: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            seen.setdefault(name, handle)
    if seen:
        layout.legend_above(figure, list(seen.values()), list(seen), left=left, columns=columns)


def only(fits: tuple[Any, ...]) -> Any:
    """Return the one fit; several cannot share one axes."""
    if len(fits) != 1:
        raise InputError(
            f"{len(fits)} series cannot share one axes",
            fix="call plot() without ax, or analyse one series (groups=, platforms=)",
        )
    return fits[0]


def in_order(fits: Iterable[Any]) -> tuple[Any, ...]:
    """Return fits in the order of figures: by group, then by platform."""
    by_key = {(fit.platform, fit.group): fit for fit in fits}
    return tuple(by_key[key] for key in sheet.ordered(by_key))


def fitted_frame(fits: Iterable[Any]) -> pd.DataFrame:
    """Return observed, fitted and expected values of every fit, one row a period."""
    parts = []
    for fit in fits:
        part = pd.DataFrame({"observed": fit.observed})
        part["fitted"] = fit.fitted if fit.status != "refused" else float("nan")
        if fit.status != "refused" and fit.counterfactual is not None:
            for name in ("estimate", "low", "high"):
                part[f"expected_{name}"] = fit.counterfactual[name]
        part = part.rename_axis("period").reset_index()
        part.insert(0, "group", fit.group)
        part.insert(0, "platform", fit.platform)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@drawn("Changes found without looking at the events")
def plot_change_points(
    result: Any, ax: Axes | None = None, *, width: float = sheet.FULL_WIDTH
) -> Figure:
    """Draw `ChangePoints`: observed, fitted segments, and dated breaks with their intervals."""
    fits = in_order(result.fits)
    table = result.to_frame()
    if ax is not None:
        fit = only(fits)
        _break_panel(ax, fit, of(table, fit.platform, fit.group))
        ax.set_title(heading(fit.platform, fit.group))
        ax.legend(loc="best")
        return ax.get_figure(root=True)  # type: ignore[return-value]
    titles = [heading(fit.platform, fit.group) for fit in fits]
    notes = [break_note(of(table, fit.platform, fit.group)) for fit in fits]
    columns = frame.columns_for(len(fits), width)
    tall = 1.6 if len(fits) == 1 else 1.0
    figure, panels = frame.grid(width, titles, notes, columns=columns, tall=tall, top=0.04)
    for axes, fit in zip(panels, fits, strict=True):
        _break_panel(axes, fit, of(table, fit.platform, fit.group))
    legend_above(figure, panels)
    figure.data = table
    figure.caption = say(
        "Points: observed. Line: fitted segments. A marker is the first period of a new regime, "
        "the bar its 95% interval. No marker: no change that passes the test. Rings: unusual "
        "periods, set aside. Ticks below: further bends of the best segmentation, not claimed."
    )
    figure.alternative = "One panel per series. " + " ".join(
        f"{title}: {note}" for title, note in zip(titles, notes, strict=True)
    )
    return figure


def _break_panel(axes: Axes, fit: Any, table: pd.DataFrame) -> None:
    colour, marker, _ = sheet.look(fit.platform)
    draw_observed(axes, fit.observed, colour, marker)
    fitted = fit.fitted
    if fitted is not None and len(fitted.dropna()):
        borders = [0, *sorted(change.position for change in fit.changes), len(fitted)]
        where, level = frame.middle(fitted.index), fitted.to_numpy(dtype=float)
        for start, end in pairwise(borders):
            axes.plot(
                where[start:end],
                level[start:end],
                color=sheet.INK,
                linewidth=1.4,
                zorder=4,
                label="fitted segments" if start == 0 else None,
            )
    draw_breaks(axes, table)
    draw_unusual(axes, fit)
    finish(axes, fit.observed)


def draw_unusual(axes: Axes, fit: Any) -> None:
    """Ring the odd periods of a series, and mark further bends with short ticks."""
    if fit.unusual:
        index = pd.DatetimeIndex(fit.observed.index)
        at = index.get_indexer(pd.Index([odd.date for odd in fit.unusual]))
        axes.plot(
            frame.middle(index)[at],
            [odd.value for odd in fit.unusual],
            color=sheet.INK,
            marker="o",
            markersize=7,
            markerfacecolor="none",
            linestyle="",
            zorder=5,
            label="unusual period, set aside",
        )
    for count, cut in enumerate(fit.further):
        axes.plot(
            [frame.days(cut.date)] * 2,
            [0.0, 0.06],
            transform=axes.get_xaxis_transform(),
            color=sheet.INK,
            linewidth=0.8,
            zorder=2.5,
            label="further bend, not claimed" if count == 0 else None,
        )


def break_note(table: pd.DataFrame) -> str:
    """Return the dates found, in words."""
    found = table[table["date"].notna()]
    if found.empty:
        reason = table["reason"].iloc[0] if len(table) and "reason" in table else ""
        if reason and table["status"].iloc[0] == "refused":
            return say("Not analysed: {reason}.", reason=told(reason))
        return (
            say("No break found: {reason}.", reason=told(reason))
            if reason
            else say("No break found.")
        )
    words = []
    for row in found.to_dict("records"):
        span = (
            say(" ({first} to {last})", first=f"{row['low']:%Y-%m}", last=f"{row['high']:%Y-%m}")
            if pd.notna(row["low"]) and pd.notna(row["high"])
            else ""
        )
        words.append(f"{row['date']:%Y-%m}{span}")
    return say("New regime from {dates}.", dates=", ".join(words))
