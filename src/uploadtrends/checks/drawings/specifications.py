"""The specification curve: one contrast under every specification, and the choices made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


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


def curve_drawn(style: Any, outcome: Any, contrast: tuple[str, str, str] | None = None) -> Any:
    """Draw one contrast's estimate under every specification, with the choices below."""
    curve = outcome.figure_data["curve"]
    curve = curve[curve["effect_percent"].notna()] if len(curve) else curve
    if not len(curve):
        raise InputError(
            "no specification has an estimate in percent, which the curve is drawn of",
            fix=f"read it as a table: to_frame(). {outcome.text}",
        )
    chosen = contrast or _most_precise(style, curve)
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
    label_room = 1.75 if style.wide else 1.4
    inner = style.width - label_room - 0.12
    figure = style.figure(0.25 + 1.5 + 0.1 + DOT * len(levels) + 0.42)
    head = style.place(figure, 0.08, 0.03, style.width - 0.16, 0.16, bare=True)
    head.text(0, 0.02, _name(style, outcome, chosen), fontsize=7.5, fontweight="bold", va="top")
    above = style.place(figure, label_room, 0.25, inner, 1.5)
    below = style.place(figure, label_room, 1.85, inner, DOT * len(levels))
    _estimates(style, above, table)
    _matrix(style, below, table, levels, above.get_xlim())
    style.legend(figure, [above])
    figure.data = table
    others = curve[CONTRAST].drop_duplicates()
    said = style.say(
        "{contrast}: the level change under every defensible specification, with 95% intervals "
        "(top; arrows: beyond the axis), and the choices made (below). {n} further contrasts are "
        "in the table.",
        contrast=_name(style, outcome, chosen),
        n=len(others) - 1,
    )
    figure.caption = f"{said} {style.told(outcome.text)}"
    effects = table["effect_percent"]
    figure.alternative = style.told(
        f"Specification curve of {len(table)} estimates from {effects.min():.0f}% to "
        f"{effects.max():.0f}%, median {effects.median():.0f}%. {outcome.text}"
    )
    return figure


def _most_precise(style: Any, curve: pd.DataFrame) -> tuple[str, str, str]:
    width = style.on_log_scale(curve["high_percent"]) - style.on_log_scale(curve["low_percent"])
    spread = curve.assign(width=width).groupby(CONTRAST, sort=False)["width"].median()
    best: tuple[str, str, str] = spread.index[int(np.argmin(spread.to_numpy()))]
    return best


def _same(table: pd.DataFrame, platform: str, group: str, event: str) -> pd.DataFrame:
    """Return the rows of one contrast."""
    found = (table["platform"] == platform) & (table["group"] == group)
    return table[found & (table["event"] == event)]


def _name(style: Any, outcome: Any, contrast: tuple[str, str, str]) -> str:
    platform, group, event = contrast
    same = _same(outcome.to_frame(), *contrast)
    label = str(same["label"].iloc[0]) if len(same) and "label" in same else event
    return f"{style.heading(platform, group)}, {style.called(label)}"


def _estimates(style: Any, axes: Axes, table: pd.DataFrame) -> None:
    rank = np.arange(1, len(table) + 1)
    low, middle, high = (
        style.on_log_scale(table[name])
        for name in ("low_percent", "effect_percent", "high_percent")
    )
    apart = (low > 0) | (high < 0)
    axes.vlines(rank, low, high, color=style.MUTED, linewidth=0.5, alpha=0.6)
    for mask, marker, colour, label in (
        (~apart, "o", style.BLUE, "interval contains zero"),
        (apart, "s", style.VERMILION, "interval excludes zero"),
    ):
        if mask.any():
            axes.plot(rank[mask], middle[mask], marker, color=colour, markersize=2.3, label=label)
    own = table["own"].astype(bool).to_numpy() if "own" in table else np.zeros(len(table), bool)
    if own.any():
        axes.plot(
            rank[own],
            middle[own],
            "D",
            color=style.BLACK,
            markersize=5.5,
            markerfacecolor="none",
            label="as in the study",
        )
    axes.axhline(0, color=style.INK, linewidth=0.8)
    axes.set_xlim(0, len(rank) + 1)
    far = max(1.3 * float(np.abs(middle).max()), 0.2)
    bottom, top = max(float(low.min()), -2 * far), min(float(high.max()), 2 * far)
    axes.set_ylim(min(bottom, -0.1), max(top, 0.1))
    style.arrows(axes, rank, low, high)
    axes.set_yticks(*style.percent_ticks(*axes.get_ylim(), 1.5, 0.16))
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_ylabel("level change")


def _matrix(
    style: Any,
    axes: Axes,
    table: pd.DataFrame,
    levels: list[tuple[str, str]],
    limits: tuple[float, float],
) -> None:
    rank = np.arange(1, len(table) + 1)
    axes.set_xlim(*limits)
    axes.set_ylim(len(levels) - 0.5, -0.5)
    axes.set_yticks(
        range(len(levels)),
        [style.told(f"{name}: {value.replace('_', ' ')}") for name, value in levels],
    )
    axes.tick_params(axis="y", labelsize=5.6, length=0)
    axes.grid(visible=False)
    previous = levels[0][0] if levels else ""
    for row, (name, value) in enumerate(levels):
        chosen = rank[(table[name].astype(str) == value).to_numpy()]
        axes.plot(
            chosen,
            np.full(len(chosen), row),
            "|",
            color=style.INK,
            markersize=4.5,
            markeredgewidth=max(0.3, min(1.5, 100 / len(table))),
        )
        if name != previous:
            axes.axhline(row - 0.5, color=style.RULE, linewidth=0.5)
        previous = name
    ordered = "{n} specifications, in order of the estimate" if style.wide else "{n} specifications"
    axes.set_xlabel(style.say(ordered, n=len(table)))
