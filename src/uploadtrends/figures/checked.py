"""Drawings of the checks: each from the layers that its outcome carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures import axes as frame
from uploadtrends.figures import cohorts, composition, curves, layout, panels, series, style
from uploadtrends.figures.effects import percent_ticks, place
from uploadtrends.figures.placebo import placebo_distribution


def draw(outcome: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
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
    drawer = _DRAWERS.get(outcome.kind)
    layers = [layer for layer in outcome.figure_data.values() if len(layer)]
    if drawer is None or not layers:
        return _sentence_only(outcome, width)
    return drawer(outcome, width=width)


def _sentence_only(outcome: Any, width: float) -> style.Drawing:
    figure = _in_words(f"{outcome.status.capitalize()}. {outcome.text}", width)
    return _say(figure, outcome.to_frame(), outcome, "Nothing to draw.")


def _in_words(text: str, width: float) -> style.Drawing:
    with style.sheet():
        height = layout.height_of(text, width - 0.3, 7.0) + 0.2
        figure = style.Drawing(width, height)
        words = layout.place(figure, 0.1, 0.1, width - 0.2, height - 0.1, bare=True)
        layout.write(words, text, 0, 0, width - 0.3, 7.0)
    return figure


def matching(result: Any, *, width: float = style.FULL_WIDTH) -> style.Drawing:
    """Draw a `Match`: for each series, the distance of the nearest change from each event.

    Parameters
    ----------
    result : Match
    width : float
        In inches.
    """
    table = result.to_frame()
    if table.empty:
        figure = _in_words(result.summary(), width)
        figure.data, figure.caption = table, "Nothing to draw."
        figure.alternative = result.summary()
        return figure
    events = list(dict.fromkeys(table["label"]))
    names = panels.series_keys(table)
    label_room = 2.6 if width > 5 else 1.5
    heights = [
        max(layout.height_of(str(event), label_room - 0.2, 6.2), 0.11 * len(names)) + 0.1
        for event in events
    ]
    body = sum(heights)
    with style.sheet():
        figure = style.Drawing(width, body + 0.75)
        words = layout.place(figure, 0.08, 0.28, width - 0.16, body, bare=True)
        axes = layout.place(figure, label_room, 0.28, width - label_room - 0.15, body)
        gaps = table["gap_days"].astype(float) / 30.44
        reach = max(float(gaps.abs().max()) if gaps.notna().any() else 1.0, 3.0) * 1.15
        axes.set_xlim(-reach, reach)
        axes.set_ylim(body, 0)
        axes.set_yticks([])
        axes.grid(visible=True, axis="x")
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.set_xlabel("months from the event to the nearest change (left: the change came first)")
        if width < 5:
            axes.set_xlabel("months from event to change")
        top = 0.0
        for event, height in zip(events, heights, strict=True):
            layout.write(words, str(event), 0, top + 0.05, label_room - 0.2, 6.2)
            axes.axhline(top + height, color=style.RULE, linewidth=0.4)
            for place, (platform, group) in enumerate(names):
                row = series.of(table[table["label"] == event], platform, group)
                gap = float(row["gap_days"].iloc[0]) / 30.44 if len(row) else np.nan
                if np.isfinite(gap):
                    colour, marker, _ = style.look(platform, place)
                    y = top + 0.05 + (height - 0.1) * (place + 0.5) / len(names)
                    near = float(row["p_holm"].iloc[0]) <= 0.05
                    axes.plot(
                        [gap],
                        [y],
                        marker=marker,
                        color=colour,
                        markersize=4,
                        linestyle="",
                        markerfacecolor=colour if near else style.PAPER,
                        label=series.heading(platform, group),
                    )
            top += height
        series.legend_above(figure, [axes])
    figure.data = table
    figure.caption = (
        "Distance of the nearest change from each event. Filled: nearer than chance after Holm's "
        "correction. Series without any change have no marker. " + result.summary()
    )
    figure.alternative = f"One row per event. {result.summary()}"
    return figure


def _parallel_trends(outcome: Any, *, width: float) -> style.Drawing:
    table = outcome.figure_data["differences"].rename(columns={"date": "period"})

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        when = frame.days(pd.DatetimeIndex(rows["period"]).to_pydatetime())
        axes.plot(
            when, rows["difference"], marker="o", color=style.look(rows.iloc[0]["platform"])[0]
        )
        axes.locator_params(axis="y", nbins=4)
        frame.dates(axes, (float(when.min()) - 15, float(when.max()) + 15), ticks=6)

    with style.sheet():
        figure = panels.multiples(table, panel, width=width, by=("reference",))
    return _say(figure, table, outcome, "Difference between two groups before the event.")


def _anticipation(outcome: Any, *, width: float) -> style.Drawing:
    table = outcome.figure_data["leads"]

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        _intervals(axes, -rows["lead"].to_numpy(dtype=float), rows)
        axes.axhline(0, color=style.INK, linewidth=0.8)
        axes.locator_params(axis="y", nbins=4)

    with style.sheet():
        figure = panels.multiples(table, panel, width=width, by=("event",))
        panels.label_last(figure, "periods before the event")
    return _say(figure, table, outcome, "A change dated that many periods before the event.")


def _intervals(axes: Axes, where: Any, rows: pd.DataFrame) -> None:
    colour, marker, _ = style.look(rows.iloc[0]["platform"])
    middle = rows["estimate"].to_numpy(dtype=float)
    span = np.vstack(
        [middle - rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float) - middle]
    )
    axes.errorbar(
        where,
        middle,
        yerr=np.maximum(span, 0),
        color=colour,
        marker=marker,
        linestyle="",
        elinewidth=1,
    )


def _power(outcome: Any, *, width: float) -> style.Drawing:
    table = outcome.figure_data["curve"]
    percent = bool(table["percent"].notna().all())
    events = {event: n for n, event in enumerate(dict.fromkeys(table["event"]))}
    labels = dict(zip(outcome.table["event"], outcome.table["label"], strict=True))
    low, high = (float(end) for end in place([-95.0, 390.0], percent=True))

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        for event, part in rows.groupby("event", sort=False):
            part = part.sort_values("effect")
            where = place(part["percent"], percent=True) if percent else part["effect"]
            colour, _, dash = style.look("", events[event])
            label = str(labels.get(event) or event)
            axes.plot(where, part["power"], color=colour, linestyle=dash, label=label)
        axes.axhline(0.8, color=style.MUTED, linewidth=0.7, linestyle=":")
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.5, 0.8, 1.0])
        if percent:
            axes.set_xlim(low, high)
            axes.set_xticks(*percent_ticks(low, high, 2.6 if width > 5 else 2.9, 0.36))

    with style.sheet():
        figure = panels.multiples(table, panel, width=width, top=0.3 + 0.13 * len(events))
        panels.one_legend(figure, columns=1)
        panels.label_last(figure, "true change (% of expected)" if percent else "true change")
    return _say(
        figure, table, outcome, "Chance of finding a true change of each size; dotted: 80%."
    )


def _multiplicity(outcome: Any, *, width: float) -> style.Drawing:
    table = outcome.figure_data["p_values"].dropna(subset=["p"]).sort_values("p")
    table = table.reset_index(drop=True)
    with style.sheet():
        top = 0.3 if width > 5 else 0.45
        figure = style.Drawing(width, top + 2.0)
        axes = layout.place(figure, 0.5, top, width - 0.65, 1.55)
        rank = np.arange(1, len(table) + 1)
        kinds = (
            ("p", "unadjusted"),
            ("p_holm", "Holm"),
            ("p_benjamini_hochberg", "Benjamini-Hochberg"),
            ("p_romano_wolf", "Romano-Wolf"),
        )
        for place, (column, label) in enumerate(kinds):
            if column in table and table[column].notna().any():
                colour, marker, dash = style.look("", place)
                axes.plot(
                    rank, table[column], color=colour, marker=marker, linestyle=dash, label=label
                )
        axes.axhline(0.05, color=style.INK, linewidth=0.8)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("estimates, in order of their p value")
        axes.set_ylabel("p")
        axes.locator_params(axis="x", integer=True)
        series.legend_above(figure, [axes])
    return _say(figure, table, outcome, "P values before and after adjustment; line: .05.")


def _published(outcome: Any, *, width: float) -> style.Drawing:
    table = outcome.figure_data["dates"]

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        when = frame.days(pd.DatetimeIndex(rows["date"]).to_pydatetime())
        p = np.maximum(rows["p_naive"].to_numpy(dtype=float), 1e-12)
        axes.semilogy(when, p, color=style.look(rows.iloc[0]["platform"])[0], marker="o")
        axes.axhline(0.05, color=style.INK, linewidth=0.8)
        axes.set_ylim(min(1e-4, float(p.min()) / 3), 2)
        axes.locator_params(axis="y", numticks=4)
        axes.minorticks_off()
        frame.dates(axes, (float(when.min()) - 20, float(when.max()) + 20), ticks=5)

    with style.sheet():
        figure = panels.multiples(table, panel, width=width)
    return _say(
        figure,
        table,
        outcome,
        "P value of a plain before/after comparison (Welch) at every candidate month; line: .05.",
    )


def _say(figure: style.Drawing, data: pd.DataFrame, outcome: Any, what: str) -> style.Drawing:
    figure.data = data
    figure.caption = f"{what} {outcome.text}"
    figure.alternative = f"{what} {outcome.text}"
    return figure


_DRAWERS: dict[str, Callable[..., style.Drawing]] = {
    "placebo_dates": placebo_distribution,
    "placebo_cohorts": cohorts.figure3_placebo_cohorts,
    "parallel_trends": _parallel_trends,
    "anticipation": _anticipation,
    "power": _power,
    "multiplicity": _multiplicity,
    "published_series": _published,
    "specification_curve": curves.specification_curve,
    "leave_one_out": curves.leave_one_out,
    "negative_control": curves.negative_control,
    "composition": composition.decomposition,
    "survivorship": composition.survivorship,
}
