"""Exposure designs: how alike matched artists are, and what each outcome and method found."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uploadtrends.artists.exposure_study import ExposureStudy
from uploadtrends.artists.outcomes import DESCRIBED
from uploadtrends.artists.staggered import ExposureEffects
from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import numeral, say, told


@drawn("Balance before and after matching")
def balance(result: Any, ax: Axes | None = None, *, width: float = sheet.FULL_WIDTH) -> Figure:
    """Draw the standardised difference of every covariate before and after matching.

    Parameters
    ----------
    result : Matched
        Of `uploadtrends.matched`.
    ax : matplotlib.axes.Axes, optional
    width : float
        Of a new figure, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        A `Drawing` whose ``data`` is the balance table when `ax` is not given.
    """
    table = result.balance
    if ax is not None:
        _points(ax, table)
        drawn: Any = ax.figure
        return cast("Figure", drawn)
    room = max(layout.text_width(str(name), 6.5) for name in table["covariate"]) + 0.2
    tall = 0.25 + 0.25 * len(table)
    figure = Drawing(width, 0.3 + tall + 0.42)
    axes = layout.place(figure, room, 0.3, width - room - 0.15, tall)
    _points(axes, table)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
    figure.data = table
    figure.caption = told(
        "Absolute standardised differences between exposed artists and the others, before and "
        f"after matching; dashed: 0.1. {result.summary()}"
    )
    figure.alternative = " ".join(
        say(
            "{name}: {before} before, {after} after.",
            name=told(str(row["covariate"]).replace("_", " ")),
            before=numeral(f"{row['before']:.2f}"),
            after=numeral(f"{row['after']:.2f}"),
        )
        for row in table.to_dict("records")
    )
    return figure


def _points(axes: Axes, table: Any) -> None:
    where = np.arange(len(table))
    axes.plot(table["before"].abs(), where, "o", color=sheet.MUTED, mfc="none", label="before")
    axes.plot(table["after"].abs(), where, "o", color=sheet.INK, label="after matching")
    axes.axvline(0.1, color=sheet.MUTED, linewidth=0.8, linestyle="--")
    axes.set_yticks(where, [told(str(name).replace("_", " ")) for name in table["covariate"]])
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.set_xlim(left=0)
    axes.set_xlabel("absolute standardised difference")
    axes.legend(loc="best")


_ROOM, _RIGHT, _TOP, _TALL, _BELOW = 0.62, 0.15, 0.34, 1.35, 0.42
_ESTIMATE, _REFUSAL, _SMALL = 0.38, 0.05, 6.2
_NAMES = {label: name for name, label in DESCRIBED.items()}


@drawn("Effects on exposed artists")
def exposure_study(result: ExposureStudy, *, width: float = sheet.FULL_WIDTH) -> Drawing:
    """Draw each outcome by period since the exposure, and its mean effect by every method.

    Bars are 95% intervals one at a time, the band is simultaneous, from the first method that has
    effects by period. Hollow: exploratory, or biased. Words in place of a point say why a method
    was refused.

    Parameters
    ----------
    result : ExposureStudy
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` is the table of mean effects.
    """
    table = result.overall[result.overall["of"] == "all exposed"]
    wide = width > 5
    left = 0.5 * width if wide else width
    start = left + 0.15 if wide else _ROOM / 2
    room = width - start - _RIGHT
    parts = []
    for outcome, rows in table.groupby("outcome", sort=False):
        fit = next((f for name, f in result.fits if name == outcome and len(f.effects)), None)
        tall = sum(_height(row, room) for row in rows.to_dict("records")) + 0.1
        parts.append((str(outcome), rows, fit, max(tall, _TALL) if wide and fit else tall))
    gap = _TOP + _BELOW
    extra = [0.0 if wide or fit is None else _TALL + gap for *_, fit, _ in parts]
    whole = sum(tall + gap for *_, tall in parts) + sum(extra)
    figure, top = Drawing(width, whole), _TOP
    for (outcome, rows, fit, tall), above in zip(parts, extra, strict=True):
        if fit is not None:
            size = left - _ROOM - _RIGHT, tall if wide else _TALL
            _by_period(layout.place(figure, _ROOM, top, *size), fit, outcome)
        axes = layout.place(figure, start, top + above, room, tall)
        _by_method(axes, rows, outcome, room, tall)
        top += above + tall + gap
    figure.data = table
    figure.caption = say(
        "Effect on exposed artists by period since the exposure (bars: 95% intervals one at a "
        "time; band: all at once) and averaged, by method. Hollow: exploratory, or known to be "
        "biased."
    )
    figure.alternative = " ".join(
        f"{row['outcome']}, {row['method']}: "
        + (
            f"{row['estimate']:+.3g} [{row['low']:+.3g}, {row['high']:+.3g}] {row['unit']}."
            if row["status"] != "refused"
            else f"refused, {row['reason']}."
        )
        for row in table.to_dict("records")
    )
    return figure


def _by_period(axes: Axes, fit: ExposureEffects, outcome: str) -> None:
    part = fit.effects.sort_values("relative_period")
    where, value = part["relative_period"].to_numpy(), part["estimate"].to_numpy()
    axes.axhline(0, color=sheet.INK, linewidth=0.8)
    axes.axvline(-0.5, color=sheet.MUTED, linewidth=0.6, linestyle=":")
    for side in (where < 0, where >= 0):
        axes.fill_between(
            where[side],
            part["band_low"].to_numpy()[side],
            part["band_high"].to_numpy()[side],
            color=sheet.BLUE,
            alpha=0.15,
            linewidth=0,
        )
    span = np.vstack([value - part["low"].to_numpy(), part["high"].to_numpy() - value])
    axes.errorbar(
        where, value, yerr=span, color=sheet.BLUE, marker="o", linestyle="", elinewidth=0.8
    )
    name = sheet.title(outcome.replace("_", " "))
    axes.set_title(say("{name} by period since the exposure", name=name))
    axes.set_xlabel("periods since the exposure")
    axes.set_ylabel(told(_short(str(part["unit"].iloc[0]))))


def _said(row: Any) -> str:
    """Return the name of a method, and why it has no point where it has none."""
    name = _NAMES.get(str(row["method"]), str(row["method"]))
    if row["status"] == "refused":
        return f"{name}: {say('refused')}, {told(str(row['reason']))}"
    return name if row["status"] == "ok" else f"{name} ({say(str(row['status']))})"


def _height(row: Any, room: float) -> float:
    words = layout.height_of(_said(row), room, _SMALL)
    return words + (_REFUSAL if row["status"] == "refused" else _ESTIMATE - 0.12)


def _by_method(axes: Axes, rows: Any, outcome: str, room: float, tall: float) -> None:
    """Draw one row a method; y is in inches from the top."""
    axes.set_ylim(tall, 0)
    axes.set_title(say("{name}: mean effect", name=sheet.title(outcome.replace("_", " "))))
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    found = rows[rows["status"] != "refused"]
    units = list(dict.fromkeys(found["unit"]))
    top = 0.05
    for row in rows.to_dict("records"):
        said, fits = _said(row), row["status"] != "refused" and row["unit"] == units[0]
        if row["status"] != "refused" and not fits:
            size = f"{numeral(format(row['estimate'], '+.2g'))} {told(str(row['unit']))}"
            said += ": " + say("{size}, not on this scale", size=size)
        for number, line in enumerate(layout.wrap(said, room, _SMALL)):
            axes.text(
                0.0,
                top + number * layout.line_height(_SMALL),
                line,
                transform=axes.get_yaxis_transform(),
                fontsize=_SMALL,
                va="top",
                zorder=2,
                bbox={"pad": 0.3, "facecolor": sheet.PAPER, "linewidth": 0},
            )
        top += _height(row, room)
        if fits:
            y = top - 0.11
            axes.plot([row["low"], row["high"]], [y, y], color=sheet.BLUE, linewidth=1.2)
            filled = sheet.BLUE if row["status"] == "ok" else sheet.PAPER
            axes.plot(
                [row["estimate"]], [y], marker="o", color=sheet.BLUE, mfc=filled, markersize=4.5
            )
    if not units:
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        return
    axes.axvline(0, color=sheet.INK, linewidth=0.8, zorder=1)
    axes.grid(visible=True, axis="x")
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(told(_short(units[0])))


def _short(unit: str) -> str:
    return unit if len(unit) < 34 else unit.replace("share of ", "").replace("artists ", "")
