"""Effects as estimates with intervals: the forest plot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.errors import InputError
from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.ratios import MOST, REACH, number, percent_ticks, place
from uploadtrends.figures.canvas.styling import called, numeral, say, told

ROW = 0.155  # inches a row
NAME = 6.2  # points of the name of a series


@drawn("Effects with 95% intervals")
def forest(
    result: Any,
    *,
    term: str | None = None,
    relative: bool = True,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw one effect per event and series with its 95% interval.

    Parameters
    ----------
    result : InterruptedTimeSeries, or a frame with the columns of its ``effects``
    term : str, optional
        ``"level"``, ``"slope"``, ``"effect_12m"``, ...; the level change by default.
    relative : bool
        In percent of what was expected (on a scale of ratios: halving and doubling are equally
        far from zero), where the model gives it.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` are the rows drawn, refused ones included.

    Raises
    ------
    InputError
        If no effect of this name was estimated.
    """
    effects = result if isinstance(result, pd.DataFrame) else result.effects
    terms = list(effects["term"].unique())
    if term is None:
        term = next((t for t in ("level", "effect_12m") if t in terms), terms[0] if terms else "")
    if term not in terms:
        raise InputError(
            "no effect of this name was estimated",
            column="term",
            value=term,
            fix=f"use one of {', '.join(terms)}",
        )
    rows = effects[effects["term"] == term].reset_index(drop=True)
    percent = relative and "relative" in rows and bool(rows["relative"].notna().any())
    names = (
        ("relative", "relative_low", "relative_high") if percent else ("estimate", "low", "high")
    )
    drawn = rows.assign(
        shown=rows[names[0]].astype(float),
        shown_low=rows[names[1]].astype(float),
        shown_high=rows[names[2]].astype(float),
    )
    place_of = {key: n for n, key in enumerate(sheet.ordered(set(panels.series_keys(drawn))))}
    rank = [place_of[key] for key in zip(drawn["platform"], drawn["group"], strict=True)]
    groups = [
        (str(label), part.iloc[np.argsort(part["rank"].to_numpy(), kind="stable")])
        for label, part in drawn.assign(rank=rank).groupby("label", sort=False)
    ]
    if "starts" in drawn and "fitted" not in drawn:  # an added date stays in front
        groups.sort(key=lambda named: str(named[1]["starts"].iloc[0]))
    limits = _limits(drawn, percent)
    names_of = {key: series.heading(*key) for key in place_of}
    longest = max((layout.text_width(name, NAME) for name in names_of.values()), default=0.0)
    label_room = min(max(longest + 0.3, 1.2), 0.42 * width)
    lines_of = {key: layout.wrap(name, label_room - 0.2, NAME) for key, name in names_of.items()}
    rows_tall = {
        key: max(ROW, layout.line_height(NAME) * len(lines) + 0.03)
        for key, lines in lines_of.items()
    }
    value_room = 1.75 if width > 5 else 0.0
    inner = width - label_room - value_room - frame.RIGHT
    heads = [
        layout.height_of(called(label), width - 0.2, 6.8, "bold") + 0.12 for label, _ in groups
    ]
    lines = {label: _none(part) for label, part in groups}
    tall = {
        label: layout.height_of(lines[label], width - 0.4, 6.2) + 0.04
        if lines[label]
        else sum(rows_tall[key] for key in zip(part["platform"], part["group"], strict=True))
        for label, part in groups
    }
    body = sum(heads) + sum(tall.values())
    figure = Drawing(width, body + 0.55)
    words = layout.place(figure, 0.08, 0.03, width - 0.16, body, bare=True)
    axes = layout.place(figure, label_room, 0.03, inner, body)
    axes.set_ylim(body, 0)
    axes.set_xlim(*limits)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    if percent:
        axes.set_xticks(*percent_ticks(*limits, inner, 0.4))
    else:
        axes.locator_params(axis="x", nbins=5)
    axes.axvline(0, color=sheet.INK, linewidth=0.8, zorder=1)
    axes.set_xlabel(_axis_name(term, percent))
    words.set_zorder(5)
    top = 0.0
    for head, (label, part) in zip(heads, groups, strict=True):
        # A patch of paper keeps the grid from running through the event's name.
        axes.axhspan(top, top + head, color=sheet.PAPER, zorder=2, linewidth=0)
        layout.write(words, called(label), 0, top + 0.07, width - 0.2, 6.8, weight="bold")
        top += head
        if lines[label]:
            axes.axhspan(top, top + tall[label], color=sheet.PAPER, zorder=2, linewidth=0)
            layout.write(words, lines[label], 0.1, top, width - 0.4, 6.2, colour=sheet.MUTED)
            top += tall[label]
            continue
        for row in part.to_dict("records"):
            key = row["platform"], row["group"]
            y, said = top + rows_tall[key] / 2, "\n".join(lines_of[key])
            words.text(0.1, y, said, fontsize=NAME, va="center", ha="left")
            _row(axes, words, row, y, limits, percent, width if value_room else 0)
            top += rows_tall[key]
    shown = _axis_name(term, percent)
    figure.alternative = f"{shown}. {_words(drawn, percent)}"
    figure.data = drawn
    figure.caption = about(result) + say(
        "{shown}, with 95% intervals, one at a time. Hollow: exploratory. Arrow: the interval goes "
        "on. Words in place of a point say why there is none. P values adjusted for the number of "
        "tests are in the table of results.",
        shown=shown,
    )
    return figure


def _none(part: pd.DataFrame) -> str:
    """Say why an event has no estimate in any series; empty where it has one."""
    if part["shown"].notna().any() or part["estimate"].notna().any():
        return ""
    whose = [series.heading(*key) for key in panels.series_keys(part)]
    names = ", ".join(whose) if len(whose) <= 3 else say("all {n} series", n=len(whose))
    statuses = " / ".join(say(str(status)) for status in dict.fromkeys(part["status"]))
    reasons = "; ".join(
        dict.fromkeys(told(series.short_reason(str(r))) for r in part["reason"] if r)
    )
    return f"{names}: {statuses}" + (f" ({reasons})" if reasons else "")


def about(result: Any) -> str:
    """Return what an artist-level result compares, as the first sentence of a caption."""
    title = str(getattr(result, "title", ""))
    return f"{told(title)}. " if "group" in title else ""


def _limits(drawn: pd.DataFrame, percent: bool) -> tuple[float, float]:
    """Return an axis that shows the estimates; very wide intervals run off it as arrows."""
    known = drawn.dropna(subset=["shown", "shown_low", "shown_high"])
    if known.empty:
        return (-1.0, 1.0)
    both = np.concatenate([known["shown_low"], known["shown_high"]])
    ends = place(both[np.isfinite(both)], percent)
    middle = place(known["shown"], percent)
    if percent:
        far = float(place(REACH, True))
        ends = np.clip(ends, -far, far)
    low, high = min(ends.min(), middle.min(), 0.0), max(ends.max(), middle.max(), 0.0)
    pad = 0.04 * (high - low) or 1.0
    return (float(low - pad), float(high + pad))


def _axis_name(term: str, percent: bool) -> str:
    fixed = {"level": "Level change", "slope": "Slope change", "effect_end": "Effect at the end"}
    if term in fixed:
        name = say(fixed[term])
    elif term.startswith("effect_") and term.endswith("m"):
        count = term[7:-1]
        name = say("Effect after {n} months" if count != "1" else "Effect after {n} month", n=count)
    else:
        name = sheet.title(told(term.replace("_", " ")))
    return f"{name} ({say('% of expected' if percent else 'units of the series')})"


def _row(
    axes: Axes,
    words: Axes,
    row: dict[Any, Any],
    y: float,
    limits: tuple[float, float],
    percent: bool,
    width: float,
) -> None:
    colour, marker, _ = sheet.look(row["platform"])
    if pd.isna(row["shown"]) or pd.isna(row["shown_low"]):
        status = str(row["status"])
        reason = say("no interval" if status == "ok" else status)
        if percent and pd.notna(row["estimate"]):
            amount = numeral(format(row["estimate"], "+.2g"))
            reason = f"{amount} {told(row['unit'])} ({reason})"
        axes.text(
            (limits[0] + limits[1]) / 2,
            y,
            reason,
            fontsize=5.8,
            va="center",
            ha="center",
            color=sheet.MUTED,
            style="italic",
            backgroundcolor=sheet.PAPER,
            bbox={"pad": 0.5, "facecolor": sheet.PAPER, "linewidth": 0},
        )
        return
    low, middle, high = (
        float(place(row[key], percent)) for key in ("shown_low", "shown", "shown_high")
    )
    shown = np.clip([low, high], *limits)
    axes.plot(shown, [y, y], color=colour, linewidth=1.2, solid_capstyle="butt", zorder=3)
    for end, cut, arrow in ((low, limits[0], "<"), (high, limits[1], ">")):
        if end < limits[0] or end > limits[1]:
            axes.plot([cut], [y], marker=arrow, color=colour, markersize=3, clip_on=False, zorder=4)
    axes.plot(
        [middle],
        [y],
        marker=marker,
        color=colour,
        markerfacecolor=colour if row["status"] == "ok" else sheet.PAPER,
        markersize=4,
        zorder=4,
    )
    if width:
        sign = "+" if 0 < row["shown"] < MOST else ""
        found = f"{sign}{number(row['shown'])}"
        shown_as = say("{percent}%", percent=found) if percent else found
        words.text(
            width - 0.2,
            y,
            f"{shown_as}  {between(row['shown_low'], row['shown_high'])}",
            fontsize=6.0,
            va="center",
            ha="right",
        )


def between(low: float, high: float) -> str:
    """Return an interval in brackets, a one-sided one in words."""
    if high == np.inf:
        return f"[{say('{low} or more', low=number(low))}]"
    if low == -np.inf:
        return f"[{say('up to {high}', high=number(high))}]"
    return f"[{number(low)}{',' if numeral('.') == '.' else ';'} {number(high)}]"


def _words(drawn: pd.DataFrame, percent: bool) -> str:
    unit = "%" if percent else ""
    lines = [
        f"{called(str(row['label']))}, {series.heading(row['platform'], row['group'])}: "
        + (
            f"{number(row['shown'])}{unit} {between(row['shown_low'], row['shown_high'])}"
            if pd.notna(row["shown"])
            else str(row["status"])
        )
        for row in drawn.to_dict("records")
    ]
    return "; ".join(lines) + "."
