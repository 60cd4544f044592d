"""The series of a panel as they were counted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.figures import series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import say


@drawn("Series of the panel")
def plot_panel(panel: Any, *, unit: str = "uploads", width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw every platform and group of a panel over time; nothing is fitted.

    Parameters
    ----------
    panel : Panel
    unit : str
        As of `Panel.series`. Groups that do not have it are left out.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, period, value. Periods seen in part are missing.

    Raises
    ------
    InputError
        If no group has this unit.
    """
    found, refused = {}, None
    for key in sheet.ordered(panel.keys()):
        try:
            found[key] = panel.series(*key, unit=unit)
        except InputError as error:
            refused = error
    found = {key: one for key, one in found.items() if one.notna().any()}
    if not found:
        raise refused or InputError(
            "no series of this panel has a value", column="unit", value=unit, fix="uploads"
        )
    limits = frame.time_limits([pd.DatetimeIndex(one.index) for one in found.values()])
    figure, grid = frame.grid(
        width,
        [series.heading(*key) for key in found],
        [""] * len(found),
        columns=frame.columns_for(len(found), width),
        tall=1.1,
    )
    for axes, ((platform, _), one) in zip(grid, found.items(), strict=True):
        series.draw_observed(axes, one, sheet.look(platform)[0])
        frame.dates(axes, limits, ticks=6)
        axes.set_ylim(bottom=min(0.0, float(one.min())))
    figure.data = pd.concat(
        [
            pd.DataFrame({"platform": key[0], "group": key[1], "period": one.index, "value": one})
            for key, one in found.items()
        ],
        ignore_index=True,
    )
    name = unit.replace("_", " ")
    figure.caption = say(
        "{name} by {period}, one panel a platform and group, as counted. Periods seen in part are "
        "left out.",
        name=sheet.title(name),
        period=say(panel.period),
    )
    figure.alternative = " ".join(
        say(
            "{series}: {name} from {low} to {high} by {period}.",
            series=series.heading(*key),
            name=sheet.title(name),
            low=f"{one.min():.4g}",
            high=f"{one.max():.4g}",
            period=say(panel.period),
        )
        for key, one in found.items()
    )
    return figure
