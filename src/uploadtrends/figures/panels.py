"""Small multiples over series: one panel for every platform and group that a table holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures import series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import Drawing
from uploadtrends.figures.canvas.styling import called

KEYS = ("platform", "group")


def series_keys(table: pd.DataFrame, *more: str) -> list[Any]:
    """Return the distinct platform, group (and further columns) of a table, in order."""
    names = [*KEYS, *more]
    return list(dict.fromkeys(zip(*(table[name] for name in names), strict=True)))


def multiples(
    table: pd.DataFrame,
    draw: Callable[[Axes, pd.DataFrame], None],
    *,
    width: float,
    tall: float = 0.95,
    by: tuple[str, ...] = (),
    top: float = 0.1,
    bottom: float = 0.16,
    most: int = 12,
    left: float = frame.TICKS,
) -> Drawing:
    """Return a figure with one panel per series, each drawn by `draw(axes, rows)`.

    Parameters
    ----------
    table : pandas.DataFrame
        With columns platform, group, and those named in `by`.
    draw : callable
        Draws one panel from its rows.
    width, tall, top, bottom, left : float
        In inches; `left` is the room for tick labels.
    by : tuple of str
        Further columns that tell panels apart; they join the title.
    most : int
        At most this many panels; the caption of the caller says if some are left out.
    """
    keys = series_keys(table, *by)
    first = sheet.ordered({(key[0], key[1]) for key in keys})
    keys = sorted(keys, key=lambda key: first.index((key[0], key[1])))[:most]
    titles = [
        ", ".join([series.heading(key[0], key[1]), *(called(str(part)) for part in key[2:])]).strip(
            ", "
        )
        for key in keys
    ]
    figure, panels = frame.grid(
        width,
        titles,
        [""] * len(keys),
        columns=frame.columns_for(len(keys), width),
        tall=tall,
        top=top,
        bottom=bottom,
        left=left,
    )
    for axes, key in zip(panels, keys, strict=True):
        mine = [table[name] == value for name, value in zip((*KEYS, *by), key, strict=True)]
        draw(axes, table[np.logical_and.reduce(mine)])
    return figure


def one_legend(figure: Drawing, *, columns: int | None = None) -> None:
    """Write one legend for all panels above them."""
    series.legend_above(figure, [axes for axes in figure.axes if axes.axison], columns=columns)


def label_last(figure: Drawing, text: str) -> None:
    """Name the x axis below the last row of panels."""
    shown = [axes for axes in figure.axes if axes.axison]
    count = frame.columns_for(len(shown), float(figure.get_size_inches()[0]))
    for axes in shown[-count:]:
        axes.set_xlabel(text)
