"""Self-consuming loops as pictures: similarity by iteration, generations with their theory."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import say, told
from uploadtrends.loop.captions import CaptionLoop
from uploadtrends.loop.earnings import AttributionEarnings
from uploadtrends.loop.retraining import RetrainingLoop
from uploadtrends.loop.verdict import convergence

_MARGIN, _RIGHT, _GAP, _TALL = 0.55, 0.12, 0.6, 1.7
_SHOWN = {
    "variance": "variance kept",
    "recall": "recall",
    "precision": "precision",
    "distance": "distance to others",
    "classes": "classes",
}


def _row(width: float, count: int, below: float = 0.4) -> tuple[Drawing, list[Axes]]:
    """Return a figure with axes side by side, or below each other where it is narrow."""
    across = count if width > 5 else 1
    down = -(-count // across)
    below += 0.15 * (across == 1)  # a title stands below the name of the axis above it
    each = (width - across * (_MARGIN + _RIGHT)) / across
    top = 0.24
    figure = Drawing(width, top + down * (_TALL + below))
    axes = [
        layout.place(
            figure,
            _MARGIN + (i % across) * (each + _MARGIN + _RIGHT),
            top - 0.02 + (i // across) * (_TALL + below),
            each,
            _TALL,
        )
        for i in range(count)
    ]
    return figure, axes


@drawn("A loop of captions and pictures")
def caption_loop(loop: CaptionLoop, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw the similarity of captions and pictures to their origin, by iteration.

    Similarity is 1 - novelty. Light band: standard deviation between artworks; dark band: 95%
    interval of the mean. Dotted: unrelated originals; dashed: the first round, which has no
    feedback. The title of each part is the verdict on whether it came to rest.

    Parameters
    ----------
    loop : CaptionLoop
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has novelty (content, visual), iteration, mean, sd, low, high, artworks,
        chance.
    """
    figure, both = _row(width, 2)
    verdicts = [_similarity(both[0], loop, "content"), _similarity(both[1], loop, "visual")]
    both[0].set_ylabel("similarity to the origin")
    handles, labels = both[0].get_legend_handles_labels()
    layout.legend_above(figure, handles, labels)
    figure.data = loop.to_frame()
    figure.caption = told(
        "Similarity (1 - novelty) of captions (content) and pictures (visual) to those of the "
        "artwork that each chain began with. " + " ".join(verdicts)
    )
    figure.alternative = "Two curves that begin near one. " + loop.summary().replace("\n", " ")
    return figure


def _similarity(axes: Axes, loop: CaptionLoop, kind: str) -> str:
    table, colour = loop.novelty(kind), sheet.BLUE if kind == "content" else sheet.VERMILION
    t, mean = table.index.to_numpy(), 1 - table["mean"]
    axes.fill_between(
        t,
        mean - table["sd"],
        mean + table["sd"],
        color=colour,
        alpha=0.12,
        linewidth=0,
        label="standard deviation",
    )
    axes.fill_between(
        t,
        1 - table["high"],
        1 - table["low"],
        color=colour,
        alpha=0.35,
        linewidth=0,
        label="95% interval of the mean",
    )
    axes.plot(t, mean, color=colour, label="mean")
    rail: dict[str, Any] = {"color": sheet.MUTED, "linewidth": 0.8}
    chance = 1 - float(table["chance"].iloc[0])
    axes.axhline(mean.iloc[0], linestyle="--", label="no feedback", **rail)
    axes.axhline(chance, linestyle=":", label="unrelated originals", **rail)
    axes.set_ylim(min(0, float((mean - table["sd"]).min())), 1.02)
    axes.set_xlabel("iteration")
    axes.set_title(say(kind))
    if loop.iterations < 20:
        return ""
    found = convergence(loop.by_artwork(kind))
    axes.set_title(f"{say(kind)}: {say(found.verdict)}")
    if found.verdict == "plateau":
        axes.axvline(found.iteration, color=sheet.INK, linewidth=0.8)
    return f"{kind.capitalize()}: {found.summary()}"


@drawn("Generations retrained on their own output")
def retraining_loop(loop: RetrainingLoop, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw what is left of a generator by generation, with the exact theory where there is one.

    Parameters
    ----------
    loop : RetrainingLoop
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` is the loop's table.
    """
    known = set(loop.table["metric"])
    shown = [name for name in _SHOWN if name in known][:4]
    figure, parts = _row(width, len(shown))
    for axes, name in zip(parts, shown, strict=True):
        course = loop.course(name)
        t = course.index.to_numpy()
        axes.fill_between(t, course["low"], course["high"], color=sheet.BLUE, alpha=0.25, lw=0)
        axes.plot(t, course["mean"], color=sheet.BLUE, label="mean and 95% interval")
        if name == "variance" and loop.theory is not None:
            exact = loop.theory["variance"]
            dashed: dict[str, Any] = {"color": sheet.INK, "linestyle": "--", "linewidth": 0.9}
            axes.plot(exact.index, exact, label="exact theory", **dashed)
        axes.set_title(_SHOWN[name])
        axes.set_xlabel("generation")
        axes.set_ylim(bottom=0)
    handles, labels = parts[0].get_legend_handles_labels()
    layout.legend_above(figure, handles, labels)
    figure.data, figure.caption, figure.alternative = loop.table, told(loop.text), loop.text
    return figure


@drawn("How far each assumption moves the earnings")
def earnings(result: AttributionEarnings, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw how far each assumption moves the earnings, the others at their middle.

    Parameters
    ----------
    result : AttributionEarnings
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` is the result's table.
    """
    table: pd.DataFrame = result.table
    figure = Drawing(width, 0.75 + 0.25 * len(table))
    axes = layout.place(figure, 1.2, 0.2, width - 1.4, 0.25 * len(table))
    where = range(len(table))
    axes.barh(
        where,
        table["earnings_high"] - table["earnings_low"],
        left=table["earnings_low"],
        color=sheet.BLUE,
        height=0.6,
    )
    axes.axvline(result.middle, color=sheet.INK, linewidth=0.8)
    axes.set_yticks(list(where), [name.replace("_", " ") for name in table["factor"]])
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("earnings a period" + ", one assumption moved at a time" * (width > 5))
    figure.data, figure.alternative = table, result.summary()
    figure.caption = told(result.summary())
    return figure
