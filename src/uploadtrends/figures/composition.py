"""What a change is made of, and who was left to be counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures import panels, style


def decomposition(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw what a change between two windows is made of: exits, entries, intensity.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.composition`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, component, contribution, low, high.
    """
    table = outcome.figure_data["parts"].reset_index(drop=True)

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        where = np.arange(len(rows))
        values = rows["contribution"].to_numpy(dtype=float)
        colours = [style.VERMILION if value < 0 else style.BLUE for value in values]
        axes.barh(where, values, color=colours, height=0.6)
        if {"low", "high"} <= set(rows.columns):
            axes.hlines(where, rows["low"], rows["high"], color=style.INK, linewidth=1)
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.set_yticks(where, [str(name).replace("_", " ") for name in rows["component"]])
        axes.tick_params(axis="y", pad=-2, labelsize=5.8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=True, axis="x")
        axes.locator_params(axis="x", nbins=4)

    with style.sheet():
        figure = panels.multiples(table, draw, width=width)
    figure.data = table
    figure.caption = f"Contributions to the change, with 95% intervals. {outcome.text}"
    figure.alternative = f"One bar per component and series. {outcome.text}"
    return figure


def survivorship(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw how the estimate depends on who is counted: a sweep over the threshold of selection.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.survivorship`.
    width : float
        In inches.
    """
    table = outcome.figure_data["curve"].reset_index(drop=True)

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("threshold")
        colour, marker, _ = style.look(rows.iloc[0]["platform"])
        where = rows["threshold"].to_numpy(dtype=float)
        axes.fill_between(where, rows["low"], rows["high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(where, rows["estimate"], color=colour, marker=marker)
        axes.axhline(0, color=style.INK, linewidth=0.8)
        axes.locator_params(axis="y", nbins=4)

    with style.sheet():
        figure = panels.multiples(table, draw, width=width)
    figure.data = table
    figure.caption = (
        "The estimate by the threshold that decides who is counted; band: 95% interval. "
        + outcome.text
    )
    figure.alternative = f"One panel per series. {outcome.text}"
    return figure
