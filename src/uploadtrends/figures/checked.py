"""Drawings of the checks: each from the layers that its outcome carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.checks.check import Sketch, Whole, check_class, check_names
from uploadtrends.errors import InputError
from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import called, say, told
from uploadtrends.figures.pen import Pen


@drawn("")
def draw(outcome: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw the outcome of a check.

    Parameters
    ----------
    outcome : CheckOutcome
    width : float
        In inches.

    Returns
    -------
    Drawing
        Of a check that has nothing to draw, its sentence.
    """
    if not any(len(layer) for layer in outcome.figure_data.values()):
        return _sentence_only(outcome, width)
    drawing = check_class(outcome.kind).drawing if outcome.kind in check_names() else None
    if isinstance(drawing, Whole):
        return _whole(drawing, outcome, width)
    if drawing is None:
        return _sentence_only(outcome, width)
    return sketched(outcome, drawing, width=width)


def _whole(drawing: Whole, outcome: Any, width: float, **options: Any) -> Drawing:
    figure: Drawing = drawing.draw(Pen(width), outcome, **options)
    figure.title = say(drawing.title)
    return figure


def _sentence_only(outcome: Any, width: float) -> Drawing:
    figure = _in_words(f"{say(outcome.status).capitalize()}. {told(outcome.text)}", width)
    return _say(figure, outcome.to_frame(), outcome, "Nothing to draw.")


def _in_words(text: str, width: float) -> Drawing:
    with sheet.applied():
        height = layout.height_of(text, width - 0.3, 7.0) + 0.2
        figure = Drawing(width, height)
        words = layout.place(figure, 0.1, 0.1, width - 0.2, height - 0.1, bare=True)
        layout.write(words, text, 0, 0, width - 0.3, 7.0)
    return figure


@drawn("")
def placebo_distribution(outcome: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
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
    if not len(outcome.figure_data["placebos"]):
        raise InputError("there are no placebo dates to draw", fix=outcome.text)
    return draw(outcome, width=width)


@drawn("Changes and the events nearest to them")
def matching(result: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw a `Match`: for each series, the distance of the nearest change from each event.

    Parameters
    ----------
    result : Match
    width : float
        In inches.
    """
    table = result.to_frame()
    if table.empty or table["gap_days"].isna().all():
        figure = _in_words(told(result.summary()), width)
        figure.data, figure.caption = table, say("Nothing to draw.")
        figure.alternative = result.summary()
        return figure
    events = list(dict.fromkeys(table["label"]))
    names = panels.series_keys(table[table["gap_days"].notna()])  # no change, no marker
    label_room = 2.6 if width > 5 else 1.5
    heights = [
        max(layout.height_of(str(event), label_room - 0.2, 6.2), 0.11 * len(names)) + 0.1
        for event in events
    ]
    body = sum(heights)
    figure = Drawing(width, body + 0.5)
    words = layout.place(figure, 0.08, 0.03, width - 0.16, body, bare=True)
    axes = layout.place(figure, label_room, 0.03, width - label_room - 0.15, body)
    gaps = table["gap_days"].astype(float) / 30.44
    reach = max(float(gaps.abs().max()), 3.0) * 1.15
    axes.set_xlim(-reach, reach)
    axes.set_ylim(body, 0)
    axes.set_yticks([])
    axes.grid(visible=True, axis="x")
    axes.axvline(0, color=sheet.INK, linewidth=0.8)
    axes.set_xlabel("months from the event to the nearest change (left: the change came first)")
    if width < 5:
        axes.set_xlabel("months from event to change")
    top = 0.0
    for event, height in zip(events, heights, strict=True):
        layout.write(words, called(str(event)), 0, top + 0.05, label_room - 0.2, 6.2)
        axes.axhline(top + height, color=sheet.RULE, linewidth=0.4)
        for place, (platform, group) in enumerate(names):
            row = series.of(table[table["label"] == event], platform, group)
            gap = float(row["gap_days"].iloc[0]) / 30.44 if len(row) else np.nan
            if np.isfinite(gap):
                colour, marker, _ = sheet.look(platform, place)
                y = top + 0.05 + (height - 0.1) * (place + 0.5) / len(names)
                near = float(row["p_holm"].iloc[0]) <= 0.05
                axes.plot(
                    [gap],
                    [y],
                    marker=marker,
                    color=colour,
                    markersize=4,
                    linestyle="",
                    markerfacecolor=colour if near else sheet.PAPER,
                    label=series.heading(platform, group),
                )
        top += height
    series.legend_above(figure, [axes])
    figure.data = table
    figure.caption = told(
        "Distance of the nearest change from each event. Filled: nearer than chance after Holm's "
        "correction. Series without any change have no marker. " + result.summary()
    )
    figure.alternative = f"One row per event. {result.summary()}"
    return figure


def sketched(outcome: Any, sketch: Sketch, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw an outcome as its check says; parameters as in `draw`."""
    table = sketch.rows(outcome) if sketch.rows else outcome.figure_data[sketch.layer]
    if table.empty:
        return _sentence_only(outcome, width)
    pen = Pen(width)
    below = sketch.below if isinstance(sketch.below, str) else sketch.below(outcome)

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        sketch.draw(axes, pen, rows, outcome)

    with sheet.applied():
        if sketch.by is None:
            figure = _one_panel(panel, table, pen)
        else:
            figure = panels.multiples(table, panel, width=width, by=sketch.by, left=0.6)
        if below:
            panels.label_last(figure, below)
        if sketch.legend:
            panels.one_legend(figure, columns=1 if sketch.legend == "column" else None)
    return _say(figure, outcome.figure_data[sketch.layer], outcome, sketch.says)


def _one_panel(
    panel: Callable[[Axes, pd.DataFrame], None], table: pd.DataFrame, pen: Pen
) -> Drawing:
    figure = Drawing(pen.width, 2.05)
    panel(layout.place(figure, 0.5, 0.05, pen.width - 0.65, 1.55), table)
    return figure


def _say(figure: Drawing, data: pd.DataFrame, outcome: Any, what: str) -> Drawing:
    figure.data = data
    figure.caption = told(f"{what} {outcome.text}")
    figure.alternative = f"{what} {outcome.text}"
    return figure


def _drawing(name: str) -> Whole:
    found = check_class(name).drawing
    if not isinstance(found, Whole):
        raise InputError("this check has no drawing of its own", value=name)
    return found


@drawn("Senior and new artists around years without an event")
def figure3_placebo_cohorts(
    outcome: Any, *, unit: str = "active_artists", width: float = sheet.FULL_WIDTH
) -> Drawing:
    """Draw senior and new artists around a cut, at years without and with real events.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.placebo_cohorts`.
    unit : {"active_artists", "uploads"}
        What is counted per month.
    width : float
        In inches.

    Returns
    -------
    Drawing
        One panel per cut year. Its ``data`` has platform, instrument, cut_year, kind, unit, group,
        month_in_window, month, value (one draw of artists), mean, low, high (all draws).

    Raises
    ------
    InputError
        If no cut year could be drawn.
    """
    return _whole(_drawing("placebo_cohorts"), outcome, width, unit=unit)


@drawn("Every defensible specification")
def specification_curve(
    outcome: Any,
    *,
    contrast: tuple[str, str, str] | None = None,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw one contrast's estimate under every specification, with the choices below.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.specification_curve`.
    contrast : (platform, group, event), optional
        Which contrast; by default the one that is estimated most precisely.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has one row a specification, in order of the estimate.

    Raises
    ------
    InputError
        If the contrast was not estimated.
    """
    return _whole(_drawing("specification_curve"), outcome, width, contrast=contrast)


@drawn("What the change is made of")
def decomposition(outcome: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw what a change between two windows is made of: entrants, exits, intensity.

    Parameters
    ----------
    outcome : CheckOutcome or Decomposition
        Of `uploadtrends.composition`, or of `Panel.decompose`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, component, value, low, high.
    """
    return _whole(_drawing("composition"), outcome, width)


@drawn("The estimate by who is left to be counted")
def survivorship(outcome: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw how an estimate depends on who, and what, is still there to be counted.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.survivorship`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, event, sweep, kind, value, relative, relative_low,
        relative_high.
    """
    return _whole(_drawing("survivorship"), outcome, width)
