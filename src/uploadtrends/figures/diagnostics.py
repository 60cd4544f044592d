"""Residuals of one fit: by time, their autocorrelations, and against a normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import numeral, say, told


@drawn("Residuals of a fit")
def plot_diagnostics(fit: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw what is left of a series once the model is taken out.

    Innovations are drawn: residuals without their fitted autocorrelation, of unit variance where
    the model is right.

    Parameters
    ----------
    fit : Fit
        Of an interrupted time series: ``its.fit(group)``.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` are the innovations, with the normal quantile of each.

    Raises
    ------
    NotEstimableError
        If the series was refused.
    """
    found = fit.diagnostics
    left = found.residuals
    n = len(left)
    normal = _normal_quantiles(left.to_numpy(float))
    bound = 1.96 / np.sqrt(n)
    titles = [say("Residuals"), say("Autocorrelations"), say("Against a normal distribution")]
    columns = 3 if width > 5 else 1
    figure, (first, second, third) = frame.grid(
        width,
        titles,
        ["", say("lag (periods)"), say("normal quantile")],
        columns=columns,
        tall=1.5,
    )
    _by_time(first, left)
    lags = found.autocorrelations
    second.axhline(0, color=sheet.INK, linewidth=0.8)
    second.axhspan(-bound, bound, color=sheet.RULE, linewidth=0, zorder=0)
    second.vlines(lags.index, 0, lags, color=sheet.BLUE, linewidth=1.5)
    second.xaxis.set_major_locator(MaxNLocator(integer=True))
    third.plot(normal, left, "o", color=sheet.BLUE)
    ends = np.array([normal.min(), normal.max()])
    third.plot(ends, left.mean() + left.std() * ends, color=sheet.MUTED, linewidth=0.8)
    figure.data = pd.DataFrame({"residual": left, "normal_quantile": normal})
    figure.caption = say(
        "{series}, {method}: innovations by period; their autocorrelations (shaded: where 95% of "
        "single ones lie by chance); their quantiles against normal ones. {verdict}",
        series=fit.name,
        method=fit.method,
        verdict=told(found.verdict),
    )
    figure.alternative = say(
        "{n} residuals between {low} and {high}. Autocorrelations by lag: {lags}.",
        n=n,
        low=numeral(f"{left.min():.2g}"),
        high=numeral(f"{left.max():.2g}"),
        lags=", ".join(f"{lag}: {numeral(format(value, '+.2f'))}" for lag, value in lags.items()),
    )
    return figure


def _by_time(axes: Axes, left: pd.Series) -> None:
    where = frame.days(pd.DatetimeIndex(left.index).to_pydatetime())
    axes.axhline(0, color=sheet.INK, linewidth=0.8)
    axes.plot(where, left, "o", color=sheet.BLUE)
    margin = 0.03 * float(where[-1] - where[0])
    frame.dates(axes, (float(where[0]) - margin, float(where[-1]) + margin), ticks=4)


def _normal_quantiles(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the normal quantile of each value's rank (Blom 1958)."""
    from scipy.special import ndtri

    ranks = values.argsort().argsort() + 1
    made: np.ndarray[Any, Any] = ndtri((ranks - 0.375) / (len(values) + 0.25))
    return made
