"""Many estimates of one quantity: specifications, left-out parts, controls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.errors import InputError
from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.ratios import percent_ticks, place

DOT = 0.115  # inches a row of the choice matrix
CHOICES = (
    "unit",
    "seniority",
    "period",
    "window",
    "scale",
    "terms",
    "season",
    "boundary",
    "method",
)
CONTRAST = ["platform", "group", "event"]


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
    curve = outcome.figure_data["curve"]
    curve = curve[curve["effect_percent"].notna()] if len(curve) else curve
    if not len(curve):
        raise InputError("no specification could be estimated", fix=outcome.text)
    chosen = contrast or _most_precise(curve)
    rows = _same(curve, *chosen)
    if rows.empty:
        known = curve[CONTRAST].drop_duplicates().to_numpy().tolist()
        raise InputError("no such contrast", value=chosen, fix=f"one of {known}")
    table = rows.sort_values("effect_percent").reset_index(drop=True)
    levels = [
        (name, str(value))
        for name in CHOICES
        if name in table and table[name].nunique() > 1
        for value in dict.fromkeys(table[name])
    ]
    label_room = 1.75 if width > 5 else 1.4
    inner = width - label_room - 0.12
    with sheet.applied():
        figure = Drawing(width, 0.5 + 1.5 + 0.1 + DOT * len(levels) + 0.42)
        head = layout.place(figure, 0.08, 0.03, width - 0.16, 0.16, bare=True)
        head.text(0, 0.02, _name(outcome, chosen), fontsize=7.5, fontweight="bold", va="top")
        above = layout.place(figure, label_room, 0.5, inner, 1.5)
        below = layout.place(figure, label_room, 2.1, inner, DOT * len(levels))
        _estimates(above, table)
        series.legend_above(figure, [above], top=0.24)
        _matrix(below, table, levels, above.get_xlim())
    figure.data = table
    others = curve[CONTRAST].drop_duplicates()
    figure.caption = (
        f"{_name(outcome, chosen)}: the level change under every defensible specification, with "
        f"95% intervals (top), and the choices made (below). {len(others) - 1} further contrasts "
        f"are in the table. {outcome.text}"
    )
    figure.alternative = (
        f"Specification curve of {len(table)} estimates from {table['effect_percent'].min():.0f}% "
        f"to {table['effect_percent'].max():.0f}%, median "
        f"{table['effect_percent'].median():.0f}%. {outcome.text}"
    )
    return figure


def _most_precise(curve: pd.DataFrame) -> tuple[str, str, str]:
    width = place(curve["high_percent"], True) - place(curve["low_percent"], True)
    spread = curve.assign(width=width).groupby(CONTRAST, sort=False)["width"].median()
    best: tuple[str, str, str] = spread.index[int(np.argmin(spread.to_numpy()))]
    return best


def _same(table: pd.DataFrame, platform: str, group: str, event: str) -> pd.DataFrame:
    """Return the rows of one contrast."""
    found = (table["platform"] == platform) & (table["group"] == group)
    return table[found & (table["event"] == event)]


def _name(outcome: Any, contrast: tuple[str, str, str]) -> str:
    platform, group, event = contrast
    same = _same(outcome.to_frame(), *contrast)
    label = str(same["label"].iloc[0]) if len(same) and "label" in same else event
    return f"{series.heading(platform, group)}, {label}"


def _estimates(axes: Axes, table: pd.DataFrame) -> None:
    rank = np.arange(1, len(table) + 1)
    low, middle, high = (
        place(table[name], True) for name in ("low_percent", "effect_percent", "high_percent")
    )
    apart = (low > 0) | (high < 0)
    axes.vlines(rank, low, high, color=sheet.MUTED, linewidth=0.5, alpha=0.6)
    for mask, marker, colour, label in (
        (~apart, "o", sheet.BLUE, "interval contains zero"),
        (apart, "s", sheet.VERMILION, "interval excludes zero"),
    ):
        if mask.any():
            axes.plot(rank[mask], middle[mask], marker, color=colour, markersize=2.3, label=label)
    own = table["own"].astype(bool).to_numpy() if "own" in table else np.zeros(len(table), bool)
    if own.any():
        axes.plot(
            rank[own],
            middle[own],
            "D",
            color=sheet.BLACK,
            markersize=5.5,
            markerfacecolor="none",
            label="as in the study",
        )
    axes.axhline(0, color=sheet.INK, linewidth=0.8)
    axes.set_xlim(0, len(rank) + 1)
    far = max(1.3 * float(np.abs(middle).max()), 0.2)
    bottom, top = max(float(low.min()), -2 * far), min(float(high.max()), 2 * far)
    axes.set_ylim(min(bottom, -0.1), max(top, 0.1))
    axes.set_yticks(*percent_ticks(*axes.get_ylim(), 1.5, 0.16))
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_ylabel("level change")


def _matrix(
    axes: Axes, table: pd.DataFrame, levels: list[tuple[str, str]], limits: tuple[float, float]
) -> None:
    rank = np.arange(1, len(table) + 1)
    axes.set_xlim(*limits)
    axes.set_ylim(len(levels) - 0.5, -0.5)
    axes.set_yticks(range(len(levels)), [f"{name}: {value}" for name, value in levels])
    axes.tick_params(axis="y", labelsize=5.6, length=0)
    axes.grid(visible=False)
    previous = levels[0][0] if levels else ""
    for row, (name, value) in enumerate(levels):
        chosen = rank[(table[name].astype(str) == value).to_numpy()]
        axes.plot(
            chosen,
            np.full(len(chosen), row),
            "|",
            color=sheet.INK,
            markersize=4.5,
            markeredgewidth=max(0.3, min(1.5, 100 / len(table))),
        )
        if name != previous:
            axes.axhline(row - 0.5, color=sheet.RULE, linewidth=0.5)
        previous = name
    axes.set_xlabel(f"{len(table)} specifications, in order of the estimate")


@drawn("The estimate with each part left out")
def leave_one_out(outcome: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw the estimate with each part left out in turn.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.leave_one_out`.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, event, kind, left_out, estimate, low, high, p.
    """
    table = outcome.figure_data["estimates"].reset_index(drop=True)

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("estimate").reset_index(drop=True)
        where = np.arange(len(rows))
        percent = bool(rows["percent"].iloc[0])
        low, middle, high, whole = (
            place(rows[name], percent) for name in ("low", "estimate", "high", "all_in")
        )
        colour, marker, _ = sheet.look(rows.iloc[0]["platform"])
        # One estimate far off would press all others onto a line.
        near = 2.5 * float(np.nanquantile(np.abs(np.concatenate([low, high])), 0.9))
        bottom, top = max(float(np.nanmin(low)), -near), min(float(np.nanmax(high)), near)
        pad = 0.08 * (top - bottom) or 0.5
        axes.set_ylim(bottom - pad, top + pad)
        axes.vlines(where, low, high, color=sheet.MUTED, linewidth=0.6, alpha=0.6)
        axes.plot(where, middle, marker, color=colour)
        for beyond, edge, mark in (
            (high > top + pad, top + pad, "^"),
            (low < bottom - pad, bottom - pad, "v"),
        ):
            cut = np.flatnonzero(beyond)
            axes.plot(where[cut], np.full(len(cut), edge), mark, color=sheet.MUTED, clip_on=False)
        axes.axhline(0, color=sheet.INK, linewidth=0.8)
        axes.axhline(float(whole[0]), color=sheet.INK, linewidth=0.8, linestyle=":")
        axes.set_xticks([0, len(rows) - 1], [_ending(rows["left_out"].iloc[i]) for i in (0, -1)])
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        axes.set_xlim(-0.8, len(rows) - 0.2)
        if percent:
            axes.set_yticks(*percent_ticks(*axes.get_ylim(), 0.75, 0.16))
        else:
            axes.locator_params(axis="y", nbins=4)

    with sheet.applied():
        figure = panels.multiples(table, draw, width=width, by=("label",), tall=0.75)
    figure.data = table
    figure.caption = (
        "The level change (95% interval) with one part of the data left out at a time, in order; "
        "the parts at either end are named. Dotted: nothing left out. Arrows: beyond the axis. "
        + outcome.text
    )
    figure.alternative = f"One panel per estimate. {outcome.text}"
    return figure


def _ending(name: Any) -> str:
    """Return a name short enough to stand beside another below one panel."""
    text = str(name)
    return text if len(text) <= 24 else text[:23].rstrip() + "…"


@drawn("Controls and the series studied")
def negative_control(outcome: Any, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw the estimates for series that the event cannot have touched, beside those studied.

    Parameters
    ----------
    outcome : CheckOutcome
        Of `uploadtrends.negative_control`.
    width : float
        In inches.
    """
    table = outcome.figure_data["estimates"].dropna(subset=["estimate"]).reset_index(drop=True)
    room = 2.3 if width > 5 else 1.5
    with sheet.applied():
        figure = Drawing(width, 0.3 + 0.17 * len(table) + 0.4)
        axes = layout.place(figure, room, 0.28, width - room - 0.15, 0.17 * len(table))
        for role, colour, marker in (
            ("control", sheet.MUTED, "D"),
            ("studied", sheet.BLUE, "o"),
        ):
            rows = table[table["role"] == role]
            if len(rows):
                axes.hlines(rows.index, rows["low"], rows["high"], color=colour)
                axes.plot(rows["estimate"], rows.index, marker, color=colour, label=role)
        axes.axvline(0, color=sheet.INK, linewidth=0.8)
        names = [
            f"{series.heading(row['platform'], row['group'])}" for row in table.to_dict("records")
        ]
        axes.set_yticks(range(len(table)), names)
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlabel("estimate (model's scale)")
        series.legend_above(figure, [axes])
    figure.data = table
    figure.caption = (
        f"Estimates for controls, which the event cannot have touched, and for the series studied. "
        f"{outcome.text}"
    )
    figure.alternative = figure.caption
    return figure
