"""One door for every result: `plot(result)` picks the drawing by the type of the result."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uploadtrends.artists.exposure_study import ExposureStudy
from uploadtrends.breaks.matching import Match
from uploadtrends.breaks.monitoring.result import Monitoring
from uploadtrends.breaks.result import ChangePoints
from uploadtrends.breaks.structural.outcome import BaiPerron, StructuralBreaks, StructuralTest
from uploadtrends.checks import CheckOutcome
from uploadtrends.errors import InputError
from uploadtrends.events import EventSet
from uploadtrends.figures import (
    checked,
    effects,
    exposures,
    fitted,
    loops,
    series,
    strip,
    timeline,
)
from uploadtrends.figures.canvas.drawing import Drawing
from uploadtrends.figures.canvas.styling import FULL_WIDTH, changed, inches
from uploadtrends.figures.paths import plot_monitoring, plot_structural
from uploadtrends.loop.captions import CaptionLoop
from uploadtrends.loop.earnings import AttributionEarnings
from uploadtrends.loop.retraining import RetrainingLoop
from uploadtrends.loop.study import LoopStudy
from uploadtrends.models import InterruptedTimeSeries


def plot(
    result: Any, ax: Axes | None = None, *, width: float | str | None = None, **settings: Any
) -> Figure:
    """Draw a result.

    Parameters
    ----------
    result : InterruptedTimeSeries, ChangePoints, Match, CheckOutcome, EventSet, or anything else
        with a table of effects or of components
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure, for results that need one axes only.
    width : float or str, optional
        Of a new figure: ``"page"``, ``"column"``, ``"screen"``, inches, or a length such as
        ``"89 mm"``.
    **settings
        What `style` takes, for this figure alone: title, colours, font, language, source.

    Returns
    -------
    matplotlib.figure.Figure
        A `Drawing` (with ``data``, ``caption`` and ``alternative``) when `ax` is not given.

    Raises
    ------
    InputError
        If there is no drawing for this type, or it needs more than one axes.
    """
    with changed(**settings):
        return _plot(result, ax, width=inches(width))


def plots(name: str, result: Any, **settings: Any) -> dict[str, Drawing]:
    """Return all figures of a result by file name: of most results one, under its own name.

    Parameters
    ----------
    name : str
    result
        As of `plot`.
    **settings
        Of `plot`.
    """
    drawn: dict[str, Any] = {name: plot(result, **settings)}
    if isinstance(result, LoopStudy):
        with changed(**{key: value for key, value in settings.items() if key != "width"}):
            wide = inches(settings.get("width"))
            drawn[f"{name}_strip"] = strip.strip(result.caption, result.pictures, width=wide)
        drawn[f"{name}_retraining"] = plot(result.retraining, **settings)
    return drawn


@singledispatch
def _plot(result: Any, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    if isinstance(getattr(result, "effects", None), pd.DataFrame):
        _alone(ax)
        draw = effects.event_study if "relative_period" in result.effects else effects.forest
        return draw(result, width=width)
    if isinstance(getattr(result, "balance", None), pd.DataFrame):
        return exposures.balance(result, ax, width=width)
    if {"component", "value"} <= set(getattr(result, "to_frame", pd.DataFrame)().columns):
        _alone(ax)
        return checked.decomposition(result, width=width)
    raise InputError(
        "there is no drawing for this type of object",
        value=type(result).__name__,
        fix="plot a result of interrupted_time_series, change_points or a check",
    )


@_plot.register
def _(
    result: InterruptedTimeSeries, ax: Axes | None = None, *, width: float = FULL_WIDTH
) -> Figure:
    return fitted.plot_its(result, ax, width=width)


@_plot.register
def _(result: ChangePoints, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    return series.plot_change_points(result, ax, width=width)


@_plot.register
def _(result: Monitoring, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    return plot_monitoring(result, ax, width=width)


@_plot.register
def _(
    result: StructuralTest | StructuralBreaks | BaiPerron,
    ax: Axes | None = None,
    *,
    width: float = FULL_WIDTH,
) -> Figure:
    return plot_structural(result, ax, width=width)


@_plot.register
def _(result: Match, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return checked.matching(result, width=width)


@_plot.register
def _(result: CheckOutcome, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return checked.draw(result, width=width)


@_plot.register
def _(result: EventSet, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return timeline.event_timeline(result, width=width)


@_plot.register
def _(result: ExposureStudy, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return exposures.exposure_study(result, width=width)


@_plot.register
def _(result: CaptionLoop, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return loops.caption_loop(result, width=width)


@_plot.register
def _(result: LoopStudy, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return loops.caption_loop(result.caption, width=width)


@_plot.register
def _(result: RetrainingLoop, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return loops.retraining_loop(result, width=width)


@_plot.register
def _(result: AttributionEarnings, ax: Axes | None = None, *, width: float = FULL_WIDTH) -> Figure:
    _alone(ax)
    return loops.earnings(result, width=width)


def _alone(ax: Axes | None) -> None:
    if ax is not None:
        raise InputError("this drawing makes its own axes", fix="call plot() without ax")
