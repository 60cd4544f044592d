"""Effects as estimates with intervals: forest plot and event-study plot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from uploadtrends.errors import InputError
from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.ratios import REACH, number, percent_ticks, place
from uploadtrends.figures.canvas.styling import changed, numeral, say

ROW = 0.155  # inches a row


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
    limits = _limits(drawn, percent)
    label_room = 1.55 if width > 5 else 1.2
    value_room = 1.75 if width > 5 else 0.0
    inner = width - label_room - value_room - frame.RIGHT
    with sheet.applied():
        heads = [layout.height_of(label, width - 0.2, 6.8, "bold") + 0.12 for label, _ in groups]
        lines = {label: _none(part) for label, part in groups}
        tall = {
            label: layout.height_of(lines[label], width - 0.4, 6.2) + 0.04
            if lines[label]
            else ROW * len(part)
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
            layout.write(words, label, 0, top + 0.07, width - 0.2, 6.8, weight="bold")
            top += head
            if lines[label]:
                axes.axhspan(top, top + tall[label], color=sheet.PAPER, zorder=2, linewidth=0)
                layout.write(words, lines[label], 0.1, top, width - 0.4, 6.2, colour=sheet.MUTED)
                top += tall[label]
                continue
            for row in part.to_dict("records"):
                _row(axes, words, row, top + ROW / 2, limits, percent, width if value_room else 0)
                top += ROW
    with changed(language="en"):
        in_english = _axis_name(term, percent)
        figure.alternative = f"{in_english}. {_words(drawn, percent)}"
    figure.data = drawn
    figure.caption = (
        f"{about(result)}{in_english}, with 95% intervals, one at a time. "
        "Hollow: exploratory. "
        "Arrow: the interval goes on. Words in place of a point say why there is none. "
        "P values adjusted for the number of tests are in the table of results."
    )
    return figure


def _none(part: pd.DataFrame) -> str:
    """Say why an event has no estimate in any series; empty where it has one."""
    if part["shown"].notna().any() or part["estimate"].notna().any():
        return ""
    whose = [series.heading(*key) for key in panels.series_keys(part)]
    names = ", ".join(whose) if len(whose) <= 3 else say("all {n} series", n=len(whose))
    statuses = " / ".join(say(str(status)) for status in dict.fromkeys(part["status"]))
    reasons = "; ".join(dict.fromkeys(series.short_reason(str(r)) for r in part["reason"] if r))
    return f"{names}: {statuses}" + (f" ({reasons})" if reasons else "")


def about(result: Any) -> str:
    """Return what an artist-level result compares, as the first sentence of a caption."""
    title = str(getattr(result, "title", ""))
    return f"{title}. " if "group" in title else ""


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
        name = sheet.title(term.replace("_", " "))
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
    name = series.heading(row["platform"], row["group"])
    words.text(0.1, y, name, fontsize=6.2, va="center", ha="left")
    if pd.isna(row["shown"]) or pd.isna(row["shown_low"]):
        reason = say(str(row["status"]))
        if percent and pd.notna(row["estimate"]):
            amount = numeral(format(row["estimate"], "+.2g"))
            reason = f"{amount} {row['unit']} ({reason})"
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
        sign = "+" if row["shown"] > 0 else ""
        found = f"{sign}{number(row['shown'])}"
        shown_as = say("{percent}%", percent=found) if percent else found
        words.text(
            width - 0.2,
            y,
            f"{shown_as}  {_between(row['shown_low'], row['shown_high'])}",
            fontsize=6.0,
            va="center",
            ha="right",
        )


def _between(low: float, high: float) -> str:
    """Return an interval in brackets, a one-sided one in words."""
    if high == np.inf:
        return f"[{say('{low} or more', low=number(low))}]"
    if low == -np.inf:
        return f"[{say('up to {high}', high=number(high))}]"
    return f"[{number(low)}{',' if numeral('.') == '.' else ';'} {number(high)}]"


def _words(drawn: pd.DataFrame, percent: bool) -> str:
    unit = "%" if percent else ""
    lines = [
        f"{row['label']}, {series.heading(row['platform'], row['group'])}: "
        + (
            f"{number(row['shown'])}{unit} {_between(row['shown_low'], row['shown_high'])}"
            if pd.notna(row["shown"])
            else str(row["status"])
        )
        for row in drawn.to_dict("records")
    ]
    return "; ".join(lines) + "."


@drawn("Effects by time since the event")
def event_study(
    result: Any,
    event: str | None = None,
    *,
    relative: bool = True,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw how the effect of one event unfolds: months since the change on the x axis.

    Parameters
    ----------
    result : InterruptedTimeSeries, or a frame with the columns of its ``effects``
        With effects at several horizons (``effect_1m``, ``effect_3m``, ...). A frame with columns
        ``platform, group, relative_period, estimate, low, high`` (as from an artist-level event
        study, where periods before the event are estimated too) works as well.
    event : str, optional
        Id of the event or block; the first that has estimates by default.
    relative : bool
        In percent of what was expected, where known, on a scale of ratios.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, relative_period, estimate, low, high, unit.

    Raises
    ------
    InputError
        If the event has no effects by horizon.
    """
    effects = result if isinstance(result, pd.DataFrame) else result.effects
    found = _given(effects, event, relative) if "relative_period" in effects else None
    path = found if found is not None else _path(effects, event, relative)
    percent = "unit" in path and str(path["unit"].iloc[0]).startswith("%")
    keys = sheet.ordered(set(panels.series_keys(path)))
    titles = [series.heading(*key) for key in keys]
    count = frame.columns_for(len(keys), width)
    since = "periods since the event" if "relative_period" in effects else "months since the change"
    label = str(path["label"].iloc[0]) if "label" in path else say("the event")
    apart = "relative_period" in effects
    unit = ("%" if apart else "% of expected") if percent else "units of the series"
    what = "difference between groups" if apart else "difference from what was expected"
    heading = say(f"{{label}}: {what}", label=label) + f" ({say(unit)})"
    with sheet.applied():
        head = layout.height_of(heading, width - 0.2, 7.0)
        figure, grid = frame.grid(
            width, titles, [""] * len(keys), columns=count, tall=1.0, top=head + 0.12, bottom=0.15
        )
        layout.label(figure, heading, 0.08, 0.03, width - 0.2, 7.0)
        for axes, (platform, group) in zip(grid, keys, strict=True):
            _path_panel(axes, series.of(path, platform, group), platform, percent)
        for axes in grid[-count:]:
            axes.set_xlabel(since)
    figure.data = path
    figure.caption = (
        f"{what.capitalize()} ({unit}), by time since {label}; bars are 95% "
        "intervals, one at a time; arrows: beyond the axis. Points of one panel share data and are "
        "not independent."
    )
    figure.alternative = f"One panel per series: effect by time since {label}. " + " ".join(
        f"{series.heading(row['platform'], row['group'])} after {row['relative_period']}: "
        f"{number(row['estimate'])} {_between(row['low'], row['high'])}."
        for row in path.to_dict("records")
    )
    return figure


def _path_panel(axes: Axes, part: pd.DataFrame, platform: str, percent: bool) -> None:
    part = part.sort_values("relative_period")
    colour, marker, _ = sheet.look(platform)
    where = part["relative_period"].to_numpy(dtype=float)
    low, middle, high = (place(part[name], percent) for name in ("low", "estimate", "high"))
    if percent:
        far = float(place(REACH, True))
        low, high = np.clip(low, -far * 1.3, far * 1.3), np.clip(high, -far * 1.3, far * 1.3)
    axes.axhline(0, color=sheet.INK, linewidth=0.8)
    axes.axvline(0, color=sheet.MUTED, linewidth=0.6, linestyle=":")
    span = np.vstack([np.maximum(middle - low, 0), np.maximum(high - middle, 0)])
    axes.errorbar(where, middle, yerr=span, color=colour, marker=marker, linewidth=1, elinewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if percent:
        bottom, top = 1.05 * min(float(low.min()), -0.3), 1.05 * max(float(high.max()), 0.3)
        axes.set_ylim(bottom, top)
        axes.set_yticks(*percent_ticks(bottom, top, 1.0, 0.16))
        beyond = np.vstack([place(part[name], True) for name in ("low", "estimate", "high")])
        frame.arrows(axes, where, beyond.min(axis=0), beyond.max(axis=0), colour)
    else:
        axes.locator_params(axis="y", nbins=4)


def _given(effects: pd.DataFrame, event: str | None, relative: bool) -> pd.DataFrame:
    """Return an event study's own periods, in percent where it has them."""
    path = effects if event is None else effects[effects["event"] == event]
    if relative and "relative_low" in path:
        names = ["estimate", "low", "high"]
        percent = path[["relative", "relative_low", "relative_high"]].set_axis(names, axis=1)
        path = path.drop(columns=names).join(percent).assign(unit="% of expected")
    return path.reset_index(drop=True)


def _path(effects: pd.DataFrame, event: str | None, relative: bool) -> pd.DataFrame:
    found = effects[effects["term"].str.fullmatch(r"effect_\d+m") & effects["estimate"].notna()]
    if event is None and len(found):
        event = str(found["event"].iloc[0])
    found = found[found["event"] == event]
    if found.empty:
        raise InputError(
            "no effects by horizon for this event",
            column="event",
            value=event,
            fix=f"use one of {', '.join(map(str, effects['event'].unique()))}",
        )
    percent = relative and bool(found["relative"].notna().any())
    if percent:  # what has no percent would need another axis
        found = found[found["relative"].notna()]
    names = (
        ["relative", "relative_low", "relative_high"] if percent else ["estimate", "low", "high"]
    )
    return pd.DataFrame(
        {
            "platform": found["platform"],
            "group": found["group"],
            "label": found["label"],
            "relative_period": found["term"].str.extract(r"(\d+)", expand=False).astype(int),
            "estimate": found[names[0]],
            "low": found[names[1]],
            "high": found[names[2]],
            "unit": "% of expected" if percent else found["unit"],
        }
    ).reset_index(drop=True)
