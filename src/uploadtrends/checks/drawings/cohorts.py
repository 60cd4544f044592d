"""Placebo cohorts: senior and new artists around a cut, at years with and without an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def cohorts_drawn(style: Any, outcome: Any, unit: str = "active_artists") -> Any:
    """Draw senior and new artists around a cut, at years without and with real events."""
    monthly = outcome.figure_data.get("monthly", ())
    if not len(monthly):
        raise InputError("no cut year could be drawn", fix=outcome.text)
    data = monthly[monthly["unit"] == unit].reset_index(drop=True)
    keys = list(dict.fromkeys(zip(data["kind"], data["platform"], data["cut_year"], strict=True)))
    keys.sort(key=lambda key: (key[0] != "placebo", key[2]))
    table = outcome.to_frame()
    figure, panels = style.grid(
        [_title(style, key) for key in keys],
        [_note(style, table, key) for key in keys],
        columns=3 if style.wide else 2,
        tall=1.05 if style.wide else 0.85,
        top=0.04,
        size=5.8,
    )
    for axes, (kind, platform, year) in zip(panels, keys, strict=True):
        same = (data["kind"] == kind) & (data["platform"] == platform)
        _panel(style, axes, data[same & (data["cut_year"] == year)], int(year))
    style.legend(figure, panels)
    figure.data = data
    what = "artists active in a month" if unit == "active_artists" else "uploads a month"
    said = style.say(
        "The recipe of the published figure ({what}; senior: first upload before the window; new: "
        "after the cut, vertical line) at cut years without an event, and at the actual one where "
        "it is covered. Thick line and band: mean and 95% range over repeated random draws of "
        "artists; thin line: one draw. Intervals below a panel are over artists alone; those of "
        "the finding hold shocks between years, too.",
        what=style.say(what),
    )
    figure.caption = f"{said} {style.told(outcome.text)}"
    figure.alternative = (
        " ".join(f"{_title(style, key)}: {_note(style, table, key)}" for key in keys)
        + f" {outcome.text}"
    )
    return figure


def _title(style: Any, key: tuple[Any, ...]) -> str:
    kind, _, year = key
    said: str = style.say(
        "Cut at {year}: no event" if kind == "placebo" else "Cut at {year}: actual", year=year
    )
    return said


def _panel(style: Any, axes: Axes, rows: pd.DataFrame, year: int) -> None:
    month = pd.DatetimeIndex(rows["month"])
    rows = rows.assign(since=(month.year - year) * 12 + month.month - 1)
    top = 0.0
    for group in ("senior", "new"):
        part = rows[rows["group"] == group].sort_values("since")
        if part.empty:
            continue
        colour, _, dash = style.look(group)
        where = part["since"].to_numpy(dtype=float)
        low, high = part["low"].to_numpy(dtype=float), part["high"].to_numpy(dtype=float)
        axes.fill_between(where, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(where, part["mean"], color=colour, linestyle=dash, linewidth=1.6, label=group)
        axes.plot(where, part["value"], color=colour, linewidth=0.5, alpha=0.8)
        top = max(top, float(np.nanmax(high)), float(np.nanmax(part["value"])))
    axes.axvline(0, color=style.INK, linewidth=0.8)
    axes.set_ylim(0, top * 1.08 or 1)
    axes.set_xlim(rows["since"].min() - 0.5, rows["since"].max() + 0.5)
    ticks = [t for t in (-12, 0, 12, 24) if rows["since"].min() <= t <= rows["since"].max()]
    axes.set_xticks(ticks, [f"{year + t // 12}" for t in ticks])
    axes.locator_params(axis="y", nbins=4)


def _note(style: Any, table: pd.DataFrame, key: tuple[Any, ...]) -> str:
    kind, platform, year = key
    same = (table["kind"] == kind) & (table["platform"] == platform)
    row = table[same & (table["cut_year"] == year)].iloc[0]
    said: str = style.say(
        "Seniors {change}% [{low}, {high}]; new from 0 to {new}. Shape in {share}% of draws.",
        change=f"{row['senior_change']:+.0f}",
        low=f"{row['senior_change_low']:.0f}",
        high=f"{row['senior_change_high']:.0f}",
        new=f"{row['new_last_year']:.0f}",
        share=f"{100 * row['share_of_draws']:.0f}",
    )
    return said
