"""Leave one out: the estimate without each part, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def left_out_drawn(style: Any, outcome: Any) -> Any:
    """Draw the estimate with each part left out in turn."""
    table = outcome.figure_data["estimates"].reset_index(drop=True)

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("estimate").reset_index(drop=True)
        where = np.arange(len(rows))
        percent = bool(rows["percent"].iloc[0])
        low, middle, high, whole = (
            style.ratio_places(rows[name], percent)
            for name in ("low", "estimate", "high", "all_in")
        )
        colour, marker, _ = style.look(rows.iloc[0]["platform"])
        # One estimate far off would press all others onto a line.
        near = 2.5 * float(np.nanquantile(np.abs(np.concatenate([low, high])), 0.9))
        bottom, top = max(float(np.nanmin(low)), -near), min(float(np.nanmax(high)), near)
        pad = 0.08 * (top - bottom) or 0.5
        axes.set_ylim(bottom - pad, top + pad)
        axes.vlines(where, low, high, color=style.MUTED, linewidth=0.6, alpha=0.6)
        axes.plot(where, middle, marker, color=colour)
        style.arrows(axes, where, low, high)
        axes.axhline(0, color=style.INK, linewidth=0.8)
        axes.axhline(float(whole[0]), color=style.INK, linewidth=0.8, linestyle=":")
        axes.set_xticks([0, len(rows) - 1], [_ending(style, rows.iloc[i]) for i in (0, -1)])
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        axes.set_xlim(-0.8, len(rows) - 0.2)
        style.ratio_axis(axes, percent, unit="" if percent else str(rows["unit"].iloc[0]))

    figure = style.multiples(table, draw, by=("label",), tall=0.75, left=0.6)
    figure.data = table
    figure.caption = style.told(
        "The level change (95% interval) with one part of the data left out at a time, in order; "
        "the parts at either end are named. Dotted: nothing left out. Arrows: beyond the axis. "
        + outcome.text
    )
    figure.alternative = f"One panel per estimate. {outcome.text}"
    return figure


def _ending(style: Any, row: Any) -> str:
    """Return a name short enough to stand beside another below one panel."""
    text = str(row["left_out"])
    if row["kind"] == "artist":
        text = style.say("artist {mark}", mark=text[:6])
    return text if len(text) <= 24 else text[:23].rstrip() + "…"
