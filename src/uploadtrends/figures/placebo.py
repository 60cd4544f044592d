"""What the model finds at dates where nothing happened, and where the event stands among it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.errors import InputError
from uploadtrends.figures import panels, style


def placebo_distribution(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw the studentised estimates at placebo dates, and the event's own.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.placebo_dates`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` are the placebo estimates.

    Raises
    ------
    InputError
        If no estimate could be held against placebo dates.
    """
    placebos = outcome.figure_data["placebos"]
    actual = outcome.figure_data["actual"]
    if not len(placebos):
        raise InputError("there are no placebo dates to draw", fix=outcome.text)

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        row = rows.iloc[0]
        same = (actual["platform"] == row["platform"]) & (actual["group"] == row["group"])
        own = actual[same & (actual["event"] == row["event"])].iloc[0]
        values = rows["statistic"].to_numpy(dtype=float)
        reach = max(np.abs(values).max(), abs(float(own["statistic"])), 2.5) * 1.1
        axes.hist(
            values,
            bins=list(np.linspace(-reach, reach, 25)),
            color=style.look(row["platform"])[0],
            alpha=0.55,
            label="placebo dates",
        )
        axes.axvline(
            float(own["statistic"]), color=style.INK, linewidth=1.6, label="the event itself"
        )
        axes.set_xlim(-reach, reach)
        axes.locator_params(axis="y", nbins=3, integer=True)
        axes.text(
            0.02,
            0.95,
            f"p = {own['p']:.2f} (m = {int(own['m'])})",
            transform=axes.transAxes,
            va="top",
            fontsize=6.2,
        )

    with style.sheet():
        keep = placebos.merge(
            actual[["platform", "group", "event", "label"]], on=["platform", "group", "event"]
        )
        figure = panels.multiples(keep, draw, width=width, by=("label",), top=0.3)
        panels.label_last(figure, "estimate / standard error")
        panels.one_legend(figure)
    figure.data = placebos
    figure.caption = (
        "Estimates, in standard errors, of the same model at dates before the first event, in "
        "windows of the same length. The line is the event. " + outcome.text
    )
    figure.alternative = f"One histogram per estimate. {outcome.text}"
    return figure
