"""How alike matched artists are: standardised differences before and after."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uploadtrends.figures import style


def balance(result: Any, ax: Axes | None = None, *, width: float = style.FULL_WIDTH) -> Figure:
    """Draw the standardised difference of every covariate before and after matching.

    Parameters
    ----------
    result : Matched
        Of `uploadtrends.matched`.
    ax : matplotlib.axes.Axes, optional
    width : float
        Of a new figure, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        A `Drawing` whose ``data`` is the balance table when `ax` is not given.
    """
    table = result.balance
    if ax is not None:
        _points(ax, table)
        drawn: Any = ax.figure
        return cast("Figure", drawn)
    with style.sheet():
        figure = style.Drawing(width, 0.8 + 0.3 * len(table))
        figure.set_layout_engine("constrained")
        _points(figure.subplots(), table)
    figure.data = table
    figure.caption = (
        "Absolute standardised differences between exposed artists and the others, before and "
        "after matching; dashed: 0.1. " + result.summary()
    )
    figure.alternative = " ".join(
        f"{row['covariate']}: {row['before']:.2f} before, {row['after']:.2f} after."
        for row in table.to_dict("records")
    )
    return figure


def _points(axes: Axes, table: Any) -> None:
    where = np.arange(len(table))
    axes.plot(table["before"].abs(), where, "o", color=style.MUTED, mfc="none", label="before")
    axes.plot(table["after"].abs(), where, "o", color=style.INK, label="after matching")
    axes.axvline(0.1, color=style.MUTED, linewidth=0.8, linestyle="--")
    axes.set_yticks(where, list(table["covariate"]))
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.set_xlim(left=0)
    axes.set_xlabel("absolute standardised difference")
    axes.legend(loc="best")
