"""Figure 1: the published series as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.errors import InputError
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import layout, markers, sheet
from uploadtrends.figures.canvas.axes import MARGIN, RIGHT
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import ends, say


def read(panel: Any, platform: str, group: str) -> pd.Series:
    """Return one series of a panel with every value that it has, edges included."""
    series: pd.Series = panel.series(platform, group, flagged="keep")
    return series.astype(float)


def find(panel: Any, groups: Sequence[str], platforms: Sequence[str] | None) -> dict[str, Any]:
    """Return ``{group: {platform: series}}`` for what the panel holds of the groups asked for."""
    keys = list(panel.keys())
    found: dict[str, Any] = {}
    for group in groups:
        members = {
            platform: read(panel, platform, group)
            for platform, name in keys
            if name == group and (platforms is None or platform in platforms)
        }
        if members:
            found[group] = members
    if not found:
        raise InputError(
            f"the panel has no group named {' or '.join(groups)}",
            column="group",
            value=sorted({group for _, group in keys}),
            fix="name groups that the panel has, as in groups=('all',)",
        )
    return found


@drawn("The published series")
def figure1(
    panel: Any,
    events: Any = (),
    *,
    groups: Sequence[str] = ("total", "senior", "new"),
    platforms: Sequence[str] | None = None,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw the published series: one panel per group, both platforms, with the events.

    Parameters
    ----------
    panel : Panel
        Holding the series of the paper's Figure 1 (groups ``total``, ``senior``, ``new``).
    events : anything `uploadtrends.as_events` takes
        Drawn as numbered markers by category, with a key below; events outside the months shown
        are left out and counted in the caption.
    groups, platforms : sequence of str
        What to draw; platforms default to all that the panel has.
    width : float
        Width in inches.

    Returns
    -------
    Drawing
        Its ``data`` has columns platform, group, period, value.
    """
    found = find(panel, groups, platforms)
    everything = [series for members in found.values() for series in members.values()]
    limits = frame.time_limits([series.index for series in everything])
    inner = width - MARGIN - RIGHT
    strip = markers.arrange(events, limits, inner)
    columns = markers.key_columns(strip, width)
    tall = 1.05 if width > 5 else 0.9
    caption = _caption(found, strip)
    body = strip.height + len(found) * (tall + 0.24)
    figure = Drawing(width, 0.36 + body + markers.key_height(columns))
    top = 0.02
    if strip.rows:
        ruler = layout.place(figure, 0, top, width - RIGHT, strip.height, bare=True)
        markers.draw_strip(ruler, strip, limits, MARGIN)
        top += strip.height + 0.04
    panels = []
    for place, (group, members) in enumerate(found.items()):
        axes = layout.place(figure, MARGIN, top + 0.2, inner, tall)
        for position, (platform, series) in enumerate(members.items()):
            _line(axes, platform, position, series)
        axes.set_title(sheet.title(group), pad=3)
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="y", nbins=4)
        frame.dates(axes, limits, labels=place == len(found) - 1)
        panels.append(axes)
        top += tall + 0.24
    panels[len(panels) // 2].set_ylabel("as published (unit not stated)")
    markers.draw_lines(panels, strip)
    if strip.markers:
        below = layout.place(
            figure,
            0.08,
            top + 0.28,
            width - 0.16,
            markers.key_height(columns),
            bare=True,
        )
        markers.draw_key(below, columns)
    handles, names = panels[0].get_legend_handles_labels()
    layout.legend_above(figure, handles, names, left=MARGIN)
    figure.data = pd.concat(
        [
            pd.DataFrame(
                {"platform": platform, "group": group, "period": s.index, "value": s.to_numpy()}
            )
            for group, members in found.items()
            for platform, s in members.items()
        ],
        ignore_index=True,
    )
    figure.caption = caption
    figure.alternative = _alternative(found, strip)
    return figure


def _line(axes: Axes, platform: str, position: int, series: pd.Series) -> None:
    colour, marker, dash = sheet.look(platform, position)
    axes.plot(
        frame.middle(series.index),
        series.to_numpy(),
        color=colour,
        marker=marker,
        linestyle=dash,
        # The first series is drawn wider, so that it shows where the second hides it.
        linewidth=1.9 if position == 0 else 1.0,
        markersize=3.0 if position == 0 else 2.2,
        label=sheet.title(platform),
        zorder=3 + position,
    )


def _caption(found: dict[str, Any], strip: markers.Strip) -> str:
    first = next(iter(next(iter(found.values())).values()))
    text = say(
        "The published series, {first} to {last}, read off the figure of arXiv 2406.08739. Neither "
        "the unit nor the definition of senior and new is published.",
        **ends(first),
    )
    hidden = [
        group
        for group, members in found.items()
        if len(members) == 2 and _coincide(*members.values())
    ]
    if hidden:
        text += " " + say(
            "In panel {names} the two lines lie on each other for a part of the months.",
            names=", ".join(sheet.title(group) for group in hidden),
        )
    if strip.markers:
        text += " " + say(
            "Numbered markers are events (lines: known to the day; bands: known to the month); "
            "a marker says when something happened, not that it changed anything."
        )
    if strip.left_out:
        outside = "{n} events lie outside these months and are not drawn."
        text += " " + say(outside, n=len(strip.left_out))
    return text


def _coincide(one: pd.Series, two: pd.Series) -> bool:
    both = pd.concat([one, two], axis=1).dropna()
    return bool((both.iloc[:, 0] == both.iloc[:, 1]).sum() >= 6)


def _alternative(found: dict[str, Any], strip: markers.Strip) -> str:
    parts = []
    for group, members in found.items():
        for platform, s in members.items():
            known = s.dropna()
            parts.append(
                say(
                    "{series}: {start} in {first}, {end} in {last}, range {low} to {high}.",
                    series=f"{sheet.title(platform)}, {say(group)}",
                    **ends(known),
                    low=f"{known.min():.0f}",
                    high=f"{known.max():.0f}",
                )
            )
    if strip.markers:
        parts.append(say("{n} events are marked.", n=len(strip.markers)))
    return " ".join([say("Line chart in one panel per group."), *parts])
