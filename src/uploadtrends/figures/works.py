"""What became of works: no longer listed, and stated to be made with AI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.errors import InputError
from uploadtrends.figures import panels, series
from uploadtrends.figures.canvas import axes as frame
from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import say


@drawn("Works no longer listed")
def delisted(
    panel: Any,
    *,
    platforms: Sequence[str] | None = None,
    groups: Sequence[str] = ("all",),
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw works that are no longer listed, by the period in which they were published.

    Parameters
    ----------
    panel : Panel
        Made from two or more crawls; from one crawl nobody can tell.
    platforms, groups : sequence of str
        What to draw.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, period, no_longer_listed, uploads.

    Raises
    ------
    InputError
        If the panel does not know which works vanished.
    """
    table = _collect(panel, platforms, groups, ("no_longer_listed", "uploads"))

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        share = 100 * rows["no_longer_listed"] / rows["uploads"].where(rows["uploads"] > 0)
        _line(axes, rows, share, 0)
        axes.set_ylim(0, max(float(share.max()) * 1.15, 1.0))

    figure = panels.multiples(table, draw, width=width)
    figure.axes[-1].set_ylabel("% of works")
    figure.data = table
    figure.caption = say(
        "Share of the works published in each period that a later complete visit did not find: "
        "deleted, hidden, or the artist left. The data cannot tell which."
    )
    figure.alternative = _range(table.assign(share=table["no_longer_listed"] / table["uploads"]))
    return figure


@drawn("Works stated to be made with AI")
def ai_share(
    panel: Any,
    *,
    platforms: Sequence[str] | None = None,
    groups: Sequence[str] = ("all",),
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw the share of works stated to be made with AI, with bounds for those without statement.

    Parameters
    ----------
    panel : Panel
    platforms, groups : sequence of str
        What to draw.
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has platform, group, period, ai_share, ai_share_low, ai_share_high.

    Raises
    ------
    InputError
        If no work carries a statement.
    """
    table = _collect(panel, platforms, groups, ("ai_share", "ai_share_low", "ai_share_high"))
    if not (table["ai_share_low"] > 0).any() and table["ai_share"].isna().all():
        raise InputError(
            "no work says whether it was made with AI",
            column="ai_label",
            fix="load a source that carries AI labels, such as danbooru2023",
        )

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        index = pd.DatetimeIndex(rows["period"], freq="infer")
        axes.fill_between(
            frame.middle(index),
            100 * rows["ai_share_low"].to_numpy(dtype=float),
            100 * rows["ai_share_high"].to_numpy(dtype=float),
            color=sheet.MUTED,
            alpha=0.2,
            linewidth=0,
            label="all or none of the works without a statement",
        )
        _line(axes, rows, 100 * rows["ai_share"], 0, "among works with a statement")
        axes.set_ylim(0, 100)

    figure = panels.multiples(table, draw, width=width)
    panels.one_legend(figure)
    figure.data = table
    figure.caption = say(
        "Share (%) of works stated by uploader or site to be made with AI. The band takes all or "
        "none of the works without a statement as made with AI. There is no line where the source "
        "never states that a work was made without AI: the labels are a lower bound there."
    )
    figure.alternative = _range(table.assign(share=table["ai_share"].fillna(table["ai_share_low"])))
    return figure


def _collect(
    panel: Any, platforms: Sequence[str] | None, groups: Sequence[str], units: Sequence[str]
) -> pd.DataFrame:
    parts = []
    for platform, group in list(panel.keys()):
        if group in groups and (platforms is None or platform in platforms):
            if not panel.has_artists(platform):
                continue
            columns = {unit: panel.series(platform, group, unit) for unit in units}
            part = pd.DataFrame(columns).rename_axis("period").reset_index()
            part.insert(0, "group", group)
            part.insert(0, "platform", platform)
            parts.append(part)
    if not parts:
        raise InputError(
            "the panel has no single works in these groups",
            column="group",
            value=list(groups),
            fix="load uploads, not published totals, and name groups that the panel has",
        )
    return pd.concat(parts, ignore_index=True)


def _line(
    axes: Axes, rows: pd.DataFrame, values: pd.Series, position: int, label: str | None = None
) -> None:
    index = pd.DatetimeIndex(rows["period"], freq="infer")
    colour, marker, dash = sheet.look(rows.iloc[0]["platform"], position)
    axes.plot(
        frame.middle(index),
        values.to_numpy(dtype=float),
        color=colour,
        marker=marker,
        linestyle=dash,
        label=label,
    )
    axes.locator_params(axis="y", nbins=4)
    frame.dates(axes, frame.time_limits([index]), ticks=6)


def _range(table: pd.DataFrame) -> str:
    words = []
    for platform, group in panels.series_keys(table):
        share = series.of(table, platform, group)["share"].dropna()
        if len(share):
            words.append(
                f"{series.heading(platform, group)}: between {share.min():.0%} and "
                f"{share.max():.0%} of works."
            )
    return "One panel per series. " + " ".join(words)
