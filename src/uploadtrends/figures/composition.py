"""What a change is made of, and who was left to be counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures import panels
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.ratios import percent_ticks, place

PARTS = ("entrants", "exits", "composition", "activity share", "intensity", "change")


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
    layers = getattr(outcome, "figure_data", None)
    table = layers["components"] if layers is not None else outcome.to_frame()
    names = [name for name in dict.fromkeys(table["component"]) if name not in ("before", "after")]
    order = {name: number for number, name in enumerate([*PARTS, *names])}
    table = table[table["component"].isin(names)].reset_index(drop=True)
    by = ("label",) if "label" in table else ()

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("component", key=lambda part: part.map(order))
        where = np.arange(len(rows))
        values = rows["value"].to_numpy(dtype=float)
        colours = [
            sheet.MUTED if name == "change" else sheet.VERMILION if value < 0 else sheet.BLUE
            for name, value in zip(rows["component"], values, strict=True)
        ]
        axes.barh(where, values, color=colours, height=0.6)
        axes.hlines(where, rows["low"], rows["high"], color=sheet.INK, linewidth=1)
        axes.axvline(0, color=sheet.INK, linewidth=0.8)
        axes.set_yticks(where, list(rows["component"]))
        axes.tick_params(axis="y", labelsize=5.6, length=0)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=4)

    with sheet.applied():
        figure = panels.multiples(table, draw, width=width, by=by, left=0.75)
        panels.label_last(figure, "uploads a period")
    said = outcome.summary() if layers is None else outcome.text
    figure.data = table
    figure.caption = f"What the change is made of, with 95% intervals. {said}"
    figure.alternative = f"One bar per component and series. {said}"
    return figure


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
    layers = [
        layer.assign(sweep=sweep)
        for sweep, layer in (
            ("by minimum number of works", outcome.figure_data["thresholds"]),
            ("by share deleted", outcome.figure_data["deletion"]),
        )
        if len(layer)
    ]
    table = pd.concat(layers, ignore_index=True)
    table = table[table["relative"].notna()]

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        for number, (kind, part) in enumerate(rows.groupby("kind", sort=False)):
            part = part.sort_values("value")
            colour, marker, dash = sheet.look("", number)
            low, middle, high = (
                place(part[name], True) for name in ("relative_low", "relative", "relative_high")
            )
            where = part["value"].to_numpy(dtype=float)
            if kind != "threshold":
                where = 100 * where
            axes.fill_between(where, low, high, color=colour, alpha=0.15, linewidth=0)
            label = None if kind == "threshold" else str(kind)
            axes.plot(where, middle, color=colour, marker=marker, linestyle=dash, label=label)
        axes.axhline(0, color=sheet.INK, linewidth=0.8)
        axes.set_yticks(*percent_ticks(*axes.get_ylim(), 0.95, 0.16))
        axes.xaxis.set_major_formatter("{x:g}%" if rows["kind"].iloc[0] != "threshold" else "{x:g}")

    with sheet.applied():
        figure = panels.multiples(table, draw, width=width, by=("label", "sweep"), top=0.3)
        panels.one_legend(figure)
    figure.data = table
    figure.caption = (
        "The level change (% of expected, 95% band) by the number of works that an artist must "
        "have to be counted, and if a share of the works on one side of the event had been "
        "deleted before the crawl. " + outcome.text
    )
    figure.alternative = f"One panel per series and sweep. {outcome.text}"
    return figure
