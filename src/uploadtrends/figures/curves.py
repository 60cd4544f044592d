"""Many estimates of one quantity: specifications, left-out parts, controls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.errors import InputError
from uploadtrends.figures import layout, panels, series, style

DOT = 0.11  # inches a row of the choice matrix


def specification_curve(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw every specification's estimate in order, with the choices behind it below.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.specification_curve`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has one row a specification, in order of the estimate.
    """
    table = outcome.figure_data["curve"].dropna(subset=["estimate"])
    table = table.sort_values("estimate").reset_index(drop=True)
    choices = [name for name in table.columns if name.startswith("choice_")]
    if table.empty:
        raise InputError("no specification could be estimated", fix=outcome.text)
    levels = [(name, value) for name in choices for value in dict.fromkeys(table[name].astype(str))]
    label_room = 1.5 if width > 5 else 1.15
    inner = width - label_room - 0.12
    rank = np.arange(1, len(table) + 1)
    with style.sheet():
        figure = style.Drawing(width, 0.3 + 1.5 + 0.1 + DOT * len(levels) + 0.42)
        curve = layout.place(figure, label_room, 0.3, inner, 1.5)
        below = layout.place(figure, label_room, 1.9, inner, DOT * len(levels))
        _estimates(curve, table, rank)
        series.legend_above(figure, [curve], 0.28)
        below.set_xlim(curve.get_xlim())
        below.set_ylim(len(levels) - 0.5, -0.5)
        below.set_yticks(
            range(len(levels)), [f"{name[7:].replace('_', ' ')}: {value}" for name, value in levels]
        )
        below.tick_params(axis="y", labelsize=5.6, length=0)
        below.grid(visible=False)
        for row, (name, value) in enumerate(levels):
            chosen = rank[(table[name].astype(str) == value).to_numpy()]
            below.plot(
                chosen,
                np.full(len(chosen), row),
                "|",
                color=style.INK,
                markersize=4,
                markeredgewidth=max(0.3, min(1.5, 120 / len(table))),
            )
        previous = ""
        for row, (name, _) in enumerate(levels):
            if row and name != previous:
                below.axhline(row - 0.5, color=style.RULE, linewidth=0.5)
            previous = name
        below.set_xlabel(f"specifications, in order of the estimate (n = {len(table)})")
    figure.data = table
    figure.caption = (
        "Every defensible specification: estimate with its 95% interval (top) and the choices made "
        "(below). " + outcome.text
    )
    figure.alternative = f"Specification curve of {len(table)} estimates. {outcome.text}"
    return figure


def _estimates(axes: Axes, table: pd.DataFrame, rank: Any) -> None:
    low, high = table["low"].to_numpy(dtype=float), table["high"].to_numpy(dtype=float)
    middle = table["estimate"].to_numpy(dtype=float)
    apart = (low > 0) | (high < 0)
    axes.vlines(rank, low, high, color=style.RULE, linewidth=max(0.4, min(2.0, 200 / len(rank))))
    axes.plot(
        rank[~apart],
        middle[~apart],
        "o",
        color=style.BLUE,
        markersize=2.2,
        label="interval contains zero",
    )
    axes.plot(
        rank[apart],
        middle[apart],
        "s",
        color=style.VERMILION,
        markersize=2.4,
        label="interval excludes zero",
    )
    if "primary" in table:
        main = table["primary"].astype(bool).to_numpy()
        axes.plot(
            rank[main],
            middle[main],
            "D",
            color=style.BLACK,
            markersize=5,
            markerfacecolor="none",
            label="as specified",
        )
    axes.axhline(0, color=style.INK, linewidth=0.8)
    axes.set_xlim(0, len(rank) + 1)
    reach = 1.4 * float(np.quantile(np.abs(np.concatenate([low, high])), 0.95))
    axes.set_ylim(max(float(low.min()), -reach), min(float(high.max()), reach))
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_ylabel("estimate")


def leave_one_out(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw the estimate with each part left out in turn."""
    table = outcome.figure_data["estimates"].reset_index(drop=True)

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("estimate").reset_index(drop=True)
        where = np.arange(len(rows))
        middle = rows["estimate"].to_numpy(dtype=float)
        colour = style.look(rows.iloc[0]["platform"])[0]
        axes.vlines(where, rows["low"], rows["high"], color=style.RULE, linewidth=1.2)
        axes.plot(where, middle, "o", color=colour)
        if "influential" in rows:
            loud = rows["influential"].astype(bool).to_numpy()
            axes.plot(where[loud], middle[loud], "s", color=style.BLACK, markersize=4)
        axes.axhline(0, color=style.INK, linewidth=0.8)
        axes.set_xticks([])
        axes.locator_params(axis="y", nbins=4)

    with style.sheet():
        figure = panels.multiples(table, draw, width=width)
    figure.data = table
    figure.caption = (
        "The estimate with one part left out at a time, in order; black: influential. "
        + outcome.text
    )
    figure.alternative = f"One panel per series. {outcome.text}"
    return figure


def negative_control(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw the estimates for outcomes that the event cannot have touched."""
    table = outcome.figure_data["estimates"].dropna(subset=["estimate"]).reset_index(drop=True)
    with style.sheet():
        figure = style.Drawing(width, 0.4 + 0.2 * len(table) + 0.35)
        axes = layout.place(
            figure, 2.0 if width > 5 else 1.2, 0.1, width - 2.2, 0.2 * len(table) + 0.2
        )
        where = np.arange(len(table))
        axes.hlines(where, table["low"], table["high"], color=style.BLUE)
        axes.plot(table["estimate"], where, "o", color=style.BLUE, markersize=4)
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.set_yticks(
            where,
            [series.heading(r["platform"], r["group"]) for r in table.to_dict("records")],
        )
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlabel("estimate")
    figure.data = table
    figure.caption = f"Estimates where the event cannot have had an effect. {outcome.text}"
    figure.alternative = figure.caption
    return figure
