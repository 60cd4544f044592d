"""Paths against their boundaries: monitored series, and the processes of structural tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uploadtrends.breaks.structural.outcome import BaiPerron, StructuralBreaks
from uploadtrends.errors import InputError
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import drawn
from uploadtrends.figures.canvas.styling import say, told
from uploadtrends.figures.series import draw_observed, finish, heading, in_order, legend_above


@drawn("Monitored series")
def plot_monitoring(
    result: Any, ax: Axes | None = None, *, width: float = sheet.FULL_WIDTH
) -> Figure:
    """Draw `Monitoring`: each series with its carried-on course, and below it path and boundary.

    With `ax` (one series), only the path and its boundary are drawn there.
    """
    fits = [fit for fit in in_order(result.fits) if len(fit.process)]
    if ax is not None:
        (fit,) = fits
        _path(ax, fit.process, fit.boundary, (fit.process.index[0], fit.process.index[-1]))
        ax.set_title(heading(fit.platform, fit.group))
        ax.legend(loc="best")
        return ax.get_figure(root=True)  # type: ignore[return-value]
    titles: list[str] = []
    notes: list[str] = []
    for fit in fits:
        titles += [heading(fit.platform, fit.group), say("cumulated errors and their boundary")]
        said = fit.sentence.partition(": ")[2]
        notes += [told(_capital(said)), ""]
    columns = 2 if width > 5 else 1
    figure, panels = frame.grid(width, titles, notes, columns=columns, tall=1.3, top=0.04)
    for place, fit in enumerate(fits):
        _watched(panels[2 * place], fit)
        ends = (fit.process.index[0], fit.process.index[-1])
        _path(panels[2 * place + 1], fit.process, fit.boundary, ends)
    legend_above(figure, panels)
    figure.data = result.paths
    figure.caption = say(
        "First panel of each series: observed periods; the line is the course of the history, "
        "carried on into the shaded new periods. Second: the cumulated errors of the new periods; "
        "beyond the boundary is an alarm, and all looks together raise a false one in {percent}% "
        "of the series.",
        percent=f"{100 * result.level:g}",
    )
    said = [told(fit.sentence) for fit in fits]
    figure.alternative = " ".join([say("Two panels per series."), *said])
    return figure


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _watched(axes: Axes, fit: Any) -> None:
    colour, marker, _ = sheet.look(fit.platform)
    new = frame.edges(fit.process.index)
    axes.axvspan(new[0], new[-1], color=sheet.SHADE, linewidth=0, zorder=0)
    draw_observed(axes, fit.observed, colour, marker)
    axes.plot(
        frame.middle(fit.fitted.index),
        fit.fitted.to_numpy(dtype=float),
        color=sheet.INK,
        linewidth=1.2,
        zorder=4,
        label="course of the history",
    )
    _alarm(axes, fit.alarm)
    finish(axes, fit.observed)


def _alarm(axes: Axes, alarm: pd.Timestamp | None) -> None:
    if alarm is not None:
        axes.axvline(
            frame.days(alarm), color=sheet.VERMILION, linewidth=1.0, zorder=2.5, label="alarm"
        )


def _path(
    axes: Axes,
    process: pd.Series,
    boundary: pd.Series | None,
    ends: tuple[pd.Timestamp, pd.Timestamp],
) -> None:
    where = frame.days(process.index)
    values = process.to_numpy(dtype=float)
    axes.plot(where, values, color=sheet.INK, linewidth=1.2, marker=".", label="path", zorder=4)
    axes.axhline(0.0, color=sheet.RULE, linewidth=0.8, zorder=1)
    if boundary is not None:
        edge = boundary.to_numpy(dtype=float)
        both = (edge, -edge) if values.min() < 0 else (edge,)
        for place, line in enumerate(both):
            axes.plot(
                where,
                line,
                color=sheet.VERMILION,
                linestyle=(0, (3, 1.5)),
                linewidth=1.0,
                zorder=3,
                label="boundary" if place == 0 else None,
            )
        beyond = np.flatnonzero(np.abs(values) > edge)
        if len(beyond):
            _alarm(axes, process.index[beyond[0]])
    axes.locator_params(axis="y", nbins=4)
    frame.dates(axes, (float(frame.days(ends[0])), float(frame.days(ends[1]))), ticks=5)


@drawn("Structural test")
def plot_structural(
    result: Any, ax: Axes | None = None, *, width: float = sheet.FULL_WIDTH
) -> Figure:
    """Draw a `StructuralTest`, or all of `StructuralBreaks`: paths by date, and 5% boundaries."""
    several = isinstance(result, StructuralBreaks)
    tests = result.tests if several else (result,)
    if any(isinstance(test, BaiPerron) for test in tests):
        raise InputError(
            "Bai-Perron has no path to draw", fix="draw sup-F, or print its dates and intervals"
        )
    if ax is not None and len(tests) > 1:
        raise InputError("one axes cannot hold several series", fix="leave out ax")
    ends = [(test.path.index[0], test.path.index[-1]) for test in tests]
    if ax is not None:
        _path(ax, tests[0].path, tests[0].boundary, ends[0])
        ax.set_title(tests[0].name)
        return ax.get_figure(root=True)  # type: ignore[return-value]
    titles = [heading(*name) for name in result.names] if several else [result.name]
    figure, panels = frame.grid(
        width,
        titles,
        [told(_capital(test.sentence)) for test in tests],
        columns=1,
        tall=1.3,
        top=0.04,
    )
    for panel, test, span in zip(panels, tests, ends, strict=False):
        _path(panel, test.path, test.boundary, span)
        panel.set_ylabel(test.name)
    if any(test.boundary is not None for test in tests):
        legend_above(figure, panels)
    figure.data = pd.concat(
        [
            pd.DataFrame({"series": title, "date": test.path.index, "path": test.path.to_numpy()})
            for title, test in zip(titles, tests, strict=True)
        ],
        ignore_index=True,
    )
    bounded = any(test.boundary is not None for test in tests)
    figure.caption = say(
        "{name} by date; dashed: the 5% boundary." if bounded else "{name} by date.",
        name=tests[0].name,
    )
    figure.alternative = f"{tests[0].name}: " + " ".join(
        f"{title}: {told(_capital(test.sentence))}."
        for title, test in zip(titles, tests, strict=True)
    )
    return figure
