"""Survivorship: today's followers select survivors, and deleted works are unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.checks.check import Sketch, Weight, Whole
from uploadtrends.checks.contrasts import (
    USABLE,
    OfContrasts,
    main_reason,
    overall,
    panel_of,
    series_name,
    without_estimate,
)
from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9)


def _survivors_drawn(style: Any, outcome: Any) -> Any:
    """Draw how an estimate depends on who, and what, is still there to be counted."""
    layers = [
        layer.assign(sweep=sweep)
        for sweep, layer in (
            ("by minimum number of works", outcome.figure_data["thresholds"]),
            ("by share deleted", outcome.figure_data["deletion"]),
        )
        if len(layer)
    ]
    table = pd.concat(layers, ignore_index=True)
    table = table[table["relative"].notna()]

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        for number, (kind, part) in enumerate(rows.groupby("kind", sort=False)):
            part = part.sort_values("value")
            colour, marker, dash = style.look("", number)
            low, middle, high = (
                style.on_log_scale(part[name])
                for name in ("relative_low", "relative", "relative_high")
            )
            where = part["value"].to_numpy(dtype=float)
            if kind != "threshold":
                where = 100 * where
            axes.fill_between(where, low, high, color=colour, alpha=0.15, linewidth=0)
            label = None if kind == "threshold" else style.told(str(kind))
            axes.plot(where, middle, color=colour, marker=marker, linestyle=dash, label=label)
        axes.axhline(0, color=style.INK, linewidth=0.8)
        style.ratio_axis(axes, percent=True)
        axes.xaxis.set_major_formatter("{x:g}%" if rows["kind"].iloc[0] != "threshold" else "{x:g}")

    figure = style.multiples(table, draw, by=("label", "sweep"))
    style.one_legend(figure)
    figure.data = table
    figure.caption = style.told(
        "The level change (% of expected, 95% band) by the number of works that an artist must "
        "have to be counted, and if a share of the works on one side of the event had been "
        "deleted before the crawl. " + outcome.text
    )
    figure.alternative = f"One panel per series and sweep. {outcome.text}"
    return figure


@dataclass(frozen=True, repr=False)
class Survivorship(OfContrasts):
    """Sweep the threshold that selects artists, and bound what deleted works could hide.

    *Sweep.* The effect is estimated again among the artists at or above each threshold.

    *Bounds.* A deletion hazard that is the same before and after the event only tilts the trend.
    What moves the estimate is a share d deleted on one side alone: with the ratio r of after to
    expected, the truth is r / (1 - d) if works after the event are missing, r (1 - d) if works
    before it are. The tipping point is the smallest d, on the side that works against the
    estimate, at which its interval reaches no change.

    Parameters
    ----------
    panel : Panel, optional
        With artists; the panel of the result by default. Without artists there is no sweep.
    thresholds : sequence of float, optional
        Of the attribute; by default its quartiles and its ninth decile.
    attribute : mapping of artist id to float, optional
        Such as followers. By default the number of works on record, which stands in for them:
        both are reached by those who stayed.
    deletion : sequence of float
        Shares of works deleted on one side, for the table of bounds.
    plausible : float
        Share deleted on one side that the reader must reckon with.
    term, event, platform, group : str, optional
        Which estimates; the level changes by default.
    alpha : float
        Level at which an estimate counts as significant.

    Notes
    -----
    Per contrast: *failed* if the estimate at some threshold leaves the interval of all, with
    an interval of its own that excludes the estimate of all, or if the tipping point is below
    `plausible`; *passed* if not; *not informative* if the estimate is not significant.

    See Also
    --------
    composition : How much of a change is who is there.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> ut.survivorship(panel).name
    'survivorship'
    """

    name: ClassVar[str] = "survivorship"
    question: ClassVar[str] = (
        "Would the estimate hold for other thresholds, and with the deleted works put back?"
    )
    weight: ClassVar[Weight | None] = Weight(
        "caps", "it depends on which artists are still there to be counted", rank=8
    )
    drawing: ClassVar[Sketch | Whole | None] = Whole(
        _survivors_drawn, "The estimate by who is left to be counted"
    )

    panel: Any = None
    _: KW_ONLY
    thresholds: Sequence[float] | None = None
    attribute: Mapping[str, float] | None = None
    deletion: Sequence[float] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
    plausible: float = 0.05
    alpha: float = 0.05

    def __post_init__(self) -> None:
        shares = [share for share in (*self.deletion, self.plausible) if not 0 < share < 1]
        if shares:
            raise InputError(
                "a share lies between 0 and 1", column="deletion or plausible", value=shares[0]
            )
        self._settle(
            thresholds=None if self.thresholds is None else tuple(self.thresholds),
            deletion=tuple(self.deletion),
        )

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        chosen = self.chosen(result)
        panel = panel_of(result, self.panel)
        swept: dict[tuple[str, str], pd.DataFrame] = {}
        frames = []
        for _, effect in chosen.iterrows():
            key = (str(effect["platform"]), str(effect["group"]))
            if key not in swept:
                swept[key] = _sweep(result, panel, key, self.thresholds, self.attribute)
            sweep = swept[key]
            if len(sweep):
                same = (sweep["event"] == effect["event"]) & (sweep["term"] == effect["term"])
                sweep = sweep[same]
            frames.append(_judged(effect, sweep, self.deletion, self.plausible, self.alpha))
        table = pd.concat(frames, ignore_index=True)
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=_sentence(table),
            figure_data={
                "thresholds": table[table["kind"] == "threshold"].reset_index(drop=True),
                "deletion": table[table["kind"].str.startswith("deleted")].reset_index(drop=True),
            },
        )


survivorship = Survivorship


def _sweep(
    result: Any,
    panel: Any,
    key: tuple[str, str],
    thresholds: Sequence[float] | None,
    attribute: Mapping[str, float] | None,
) -> pd.DataFrame:
    """Estimate the effects among the artists at or above each threshold."""
    if panel is None or not panel.has_artists(key[0]):
        return pd.DataFrame()
    fit = next(fit for fit in result.fits if (fit.platform, fit.group) == key)
    rows = panel.artists.filter(pl.col("platform") == key[0])
    if key[1] not in ("all", "total"):
        rows = rows.filter(pl.col("group") == key[1])
    if attribute is None:
        size = rows.group_by("artist_id").agg(attribute=pl.col("uploads").sum())
    else:
        size = pl.DataFrame(
            {"artist_id": list(attribute), "attribute": [float(v) for v in attribute.values()]}
        )
    rows = rows.join(size, on="artist_id", how="inner")
    if rows.height == 0:
        return pd.DataFrame()
    cuts = thresholds
    if cuts is None:
        present = rows.select("artist_id", "attribute").unique()["attribute"]
        cuts = tuple(dict.fromkeys(float(present.quantile(q) or 0.0) for q in _QUANTILES))
    frames = []
    for cut in cuts:
        above = rows.filter(pl.col("attribute") >= cut)
        counts = above.group_by("period").agg(pl.col("uploads").sum()).sort("period")
        index = pd.DatetimeIndex(counts["period"].to_list())
        series = pd.Series(counts["uploads"].to_numpy(), index)
        series = series.reindex(fit.observed.index, fill_value=0.0).where(fit.observed.notna())
        again = result.refit(data={key: series}).effects
        frames.append(
            again.assign(value=cut, n_artists=above["artist_id"].n_unique(), kind="threshold")
        )
    swept: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return swept


def _judged(
    effect: pd.Series,
    sweep: pd.DataFrame,
    deletion: Sequence[float],
    plausible: float,
    alpha: float,
) -> pd.DataFrame:
    keys = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}
    if effect["status"] not in USABLE:
        row = {**keys, "kind": "", "status": "not applicable"}
        return pd.DataFrame([row | {"reason": without_estimate(effect)}])
    rows = [
        {
            "kind": "threshold",
            "value": one["value"],
            "n_artists": one["n_artists"],
            **{name: one[name] for name in ("estimate", "low", "high", *_RELATIVE)},
        }
        for _, one in sweep.iterrows()
        if one["status"] in USABLE
    ]
    ratio, low, high = (1 + float(effect[n]) / 100 for n in _RELATIVE)
    for share in deletion:
        for side, factor in (("after", 1 / (1 - share)), ("before", 1 - share)):
            rows.append(
                {
                    "kind": f"deleted {side} the event",
                    "value": share,
                    "relative": 100 * (ratio * factor - 1),
                    "relative_low": 100 * (low * factor - 1),
                    "relative_high": 100 * (high * factor - 1),
                }
            )
    tipping = np.nan
    if effect["p"] <= alpha:
        # The end of the interval that is nearer to no change.
        tipping = 1 - high if ratio < 1 else 1 - 1 / low
    moved = [
        row
        for row in rows
        if row["kind"] == "threshold"
        and not effect["low"] <= row["estimate"] <= effect["high"]
        and not row["low"] <= effect["estimate"] <= row["high"]
    ]
    status: Status = "passed"
    reason = ""
    if not effect["p"] <= alpha:
        status, reason = "not informative", "the estimate itself cannot be told from no change"
    elif moved:
        status = "failed"
        reason = f"another estimate among artists at or above {moved[0]['value']:g}"
    elif tipping < plausible:
        status = "failed"
        reason = f"{tipping:.1%} of works deleted on one side of the event would be enough"
    table: pd.DataFrame = pd.DataFrame([{**keys, **row} for row in rows])
    table[["tipping_point", "status", "reason"]] = tipping, status, reason
    return table


_RELATIVE = ("relative", "relative_low", "relative_high")


def _sentence(table: pd.DataFrame) -> str:
    first = table.drop_duplicates(["platform", "group", "event"])
    claimed = first[first["status"].isin(("passed", "failed"))]
    if claimed.empty:
        return f"There is no estimate that survivorship could explain: {main_reason(first)}."
    failed = claimed[claimed["status"] == "failed"]
    weakest = claimed["tipping_point"].min()
    if failed.empty:
        return (
            f"All {len(claimed)} significant estimates hold at every threshold; the weakest would "
            f"need {weakest:.0%} of the works on one side of the event to have been deleted."
        )
    one = failed.iloc[0]
    name = series_name(one)
    return (
        f"{len(failed)} of {len(claimed)} significant estimates depend on who is still there to be "
        f"counted: {name} at {one['label'] or one['event']}: {one['reason']}."
    )
