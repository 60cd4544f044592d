"""One door for every result: `plot(result)` picks the drawing by the type of the result."""

from __future__ import annotations

from functools import partial, singledispatch
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
    horizons,
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
        What `style` takes, for this figure alone: title, colours, grey, font, language, source.

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
        draw = horizons.event_study if "relative_period" in result.effects else effects.forest
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


def _alone(ax: Axes | None) -> None:
    if ax is not None:
        raise InputError("this drawing makes its own axes", fix="call plot() without ax")


_ON_AXES: dict[type, Any] = {
    InterruptedTimeSeries: fitted.plot_its,
    ChangePoints: series.plot_change_points,
    Monitoring: plot_monitoring,
    StructuralTest: plot_structural,
    StructuralBreaks: plot_structural,
    BaiPerron: plot_structural,
}
_ALONE: dict[type, Any] = {
    Match: checked.matching,
    CheckOutcome: checked.draw,
    EventSet: timeline.event_timeline,
    ExposureStudy: exposures.exposure_study,
    CaptionLoop: loops.caption_loop,
    LoopStudy: lambda study, width: loops.caption_loop(study.caption, width=width),
    RetrainingLoop: loops.retraining_loop,
    AttributionEarnings: loops.earnings,
}


def _by_itself(draw: Any, result: Any, ax: Axes | None = None, *, width: float) -> Figure:
    _alone(ax)
    drawn: Figure = draw(result, width=width)
    return drawn


for _kind, _draw in _ON_AXES.items():
    _plot.register(_kind, _draw)
for _kind, _draw in _ALONE.items():
    _plot.register(_kind, partial(_by_itself, _draw))
