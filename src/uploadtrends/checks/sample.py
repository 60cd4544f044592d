"""Composition: is the change one of artists' behaviour, or of who is there?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.checks.check import Check, Sketch, Whole
from uploadtrends.checks.contrasts import (
    overall,
    panel_of,
)
from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.collect.sites import written
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHORTEST = 3  # months in each window
_TURNOVER = ("entrants", "exits", "composition")
_BEHAVIOUR = ("activity share", "intensity")


PARTS = ("entrants", "exits", "composition", "activity share", "intensity", "change")


def components_drawn(style: Any, outcome: Any) -> Any:
    """Draw what a change between two windows is made of: entrants, exits, intensity."""
    layers = getattr(outcome, "figure_data", None)
    table = layers["components"] if layers is not None else outcome.to_frame()
    names = [name for name in dict.fromkeys(table["component"]) if name not in ("before", "after")]
    order = {name: number for number, name in enumerate([*PARTS, *names])}
    table = table[table["component"].isin(names)].reset_index(drop=True)
    by = ("label",) if "label" in table else ()

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("component", key=lambda part: part.map(order))
        where = np.arange(len(rows))
        values = rows["value"].to_numpy(dtype=float)
        colours = [
            style.RULE if name == "change" else style.VERMILION if value < 0 else style.BLUE
            for name, value in zip(rows["component"], values, strict=True)
        ]
        axes.barh(where, values, color=colours, height=0.6)
        axes.hlines(where, rows["low"], rows["high"], color=style.INK, linewidth=1)
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.set_yticks(where, [style.say(name) for name in rows["component"]])
        axes.tick_params(axis="y", labelsize=5.6, length=0)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=4)

    figure = style.multiples(table, draw, by=by, left=0.75)
    style.label_last(figure, "uploads a period")
    said = outcome.summary() if layers is None else outcome.text
    figure.data = table
    figure.caption = style.told(f"What the change is made of, with 95% intervals. {said}")
    figure.alternative = f"One bar per component and series. {said}"
    return figure


@dataclass(frozen=True, repr=False)
class Composition(Check):
    """Split the change around each event into entrants, exits and what those present do.

    Compares the same calendar months before and after the event (the first full months after it),
    by an order-free decomposition with bootstrap intervals over artists; see `Panel.decompose`.

    Parameters
    ----------
    panel : Panel, optional
        With artists; the panel of the result by default.
    months : int
        Length of each window; shorter where the data end sooner. The months of the year are the
        same in both.
    rule : {"lmdi", "shapley"}
        Of the decomposition.
    platform : str, optional
        Only this one.
    n_bootstrap, seed : int
        Bootstrap samples of artists, and their seed.

    Notes
    -----
    Per platform, group and event: *passed* if at least half of the change is activity and
    intensity of the artists present, *failed* if most of it is who came and who left, *not
    informative* if the interval of the change holds zero.

    See Also
    --------
    survivorship : Who is in the sample at all.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> its = ut.interrupted_time_series(panel, "2021-06-01", groups="all", method="ols-hac")
    >>> its.check(ut.composition()).name
    'composition'
    """

    name: ClassVar[str] = "composition"
    question: ClassVar[str] = (
        "How much of the change is exits, how much intensity, how much entrants?"
    )
    drawing: ClassVar[Sketch | Whole | None] = Whole(components_drawn, "What the change is made of")

    panel: Any = None
    _: KW_ONLY
    months: int = 12
    rule: Literal["lmdi", "shapley"] = "lmdi"
    platform: str | None = None
    n_bootstrap: int = 499
    seed: int = 0

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        panel = panel_of(result, self.panel)
        frames = []
        reason = "there are no single artists in these data, only totals"
        for lane, block in _targets(result, panel, self.platform):
            length = min(self.months, _months_after(panel, lane, block))
            if length < _SHORTEST:
                reason = f"the data end {length} full months after the event, {_SHORTEST} needed"
                continue
            try:
                parts = panel.decompose(
                    *_windows(block, length),
                    self.rule,
                    platform=lane,
                    n_bootstrap=self.n_bootstrap,
                    seed=self.seed,
                ).to_frame()
            except InputError as error:
                reason = error.problem
                continue
            frames.append(_judged(parts, lane, block))
        if not frames:
            return self.found(
                result,
                status="not applicable",
                table=pd.DataFrame({"status": ["not applicable"], "reason": [reason]}),
                text=f"The change could not be split: {reason}.",
                figure_data={"components": pd.DataFrame()},
            )
        table = pd.concat(frames, ignore_index=True)
        everyone = table[table["group"] == "all"].drop_duplicates(["platform", "event"])
        return self.found(
            result,
            status=overall(everyone["status"]),
            table=table,
            text=_sentence(table),
            figure_data={"components": table},
        )


composition = Composition


def _targets(result: Any, panel: Any, platform: str | None) -> list[tuple[str, Any]]:
    """Return each platform with artists and each of its blocks, once."""
    if panel is None:
        return []
    found: dict[tuple[str, str], tuple[str, Any]] = {}
    for fit in result.fits:
        if platform in (None, fit.platform) and panel.has_artists(fit.platform):
            for block in fit.blocks:
                found.setdefault((fit.platform, block.id), (fit.platform, block))
    return list(found.values())


def _months_after(panel: Any, lane: str, block: Any) -> int:
    """Return how many full months the data hold after the month of a block."""
    seen = panel.records.complete.filter((pl.col("lane") == lane) & pl.col("complete"))
    last = seen["period"].max()
    return 0 if last is None else (last.year - block.end.year) * 12 + last.month - block.end.month


def _windows(block: Any, months: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the same calendar months before and after a block; its own months are left out."""
    day = pd.Timedelta(days=1)
    stop = pd.Timestamp(block.start).replace(day=1)
    start = pd.Timestamp(block.end).replace(day=1) + pd.DateOffset(months=1)
    # Whole years apart, so that both windows hold the same months of the year.
    later = start + pd.DateOffset(months=months) - day
    years = int(np.ceil(((later - stop).days + 1) / 365.25))
    first, last = (edge - pd.DateOffset(years=years) for edge in (start, later + day))
    return (
        (f"{first:%Y-%m-%d}", f"{last - day:%Y-%m-%d}"),
        (f"{start:%Y-%m-%d}", f"{later:%Y-%m-%d}"),
    )


def _judged(parts: pd.DataFrame, lane: str, block: Any) -> pd.DataFrame:
    judged = []
    for _, part in parts.groupby("group", sort=False):
        value = part.set_index("component")["value"].astype(float)
        total = part[part["component"] == "change"].iloc[0]
        change = float(total["value"])
        behaviour = float(value[list(_BEHAVIOUR)].sum())
        turnover = float(value[list(_TURNOVER)].sum())
        share = behaviour / change if change else np.nan
        sure = float(total["low"]) > 0 or float(total["high"]) < 0
        status: Status = "not informative"
        if sure:
            status = "passed" if share >= 0.5 else "failed"
        judged.append(
            part.assign(
                event=block.id,
                label=block.label,
                behaviour=behaviour,
                turnover=turnover,
                behaviour_share=share,
                status=status,
                reason="" if sure else "the change itself cannot be told from none",
            )
        )
    table = pd.concat(judged, ignore_index=True)
    table["platform"] = lane
    front = ["platform", "group", "event", "label"]
    return table[[*front, *(name for name in table.columns if name not in front)]]


def _sentence(table: pd.DataFrame) -> str:
    first = table[table["group"] == "all"].drop_duplicates(["platform", "event"]).iloc[0]
    part = table[
        (table["group"] == "all")
        & (table["platform"] == first["platform"])
        & (table["event"] == first["event"])
    ].set_index("component")
    pieces = ", ".join(f"{name} {part.loc[name, 'percent']:+.0f}%" for name in _ORDER)
    more = table.drop_duplicates(["platform", "event"])
    others = f" ({len(more) - 1} more in the table)" if len(more) > 1 else ""
    change = f"{part.loc['change', 'percent']:+.0f}%"
    return (
        f"Uploads on {written(first['platform'])} changed by {change} around "
        f"{first['label'] or first['event']}: {pieces}{others}."
    )


_ORDER = (*_TURNOVER, *_BEHAVIOUR)
