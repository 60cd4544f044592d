"""Placebo dates: does the same model find as much where nothing happened?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.brief import p_text
from uploadtrends.checks.check import Sketch, Weight, Whole
from uploadtrends.checks.contrasts import (
    USABLE,
    OfContrasts,
    main_reason,
    overall,
    without_estimate,
)
from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.checks.shifting import block_of, fit_of, shifted, touched
from uploadtrends.checks.working import contrast_row
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import as_events
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.preparation import prepare
from uploadtrends.series.grid import in_periods
from uploadtrends.series.named import NamedSeries

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from uploadtrends.events import Event
    from uploadtrends.models.settings import Settings

MINIMUM = 19  # with fewer the smallest possible p-value is above 1 in 20
_BEFORE, _AFTER = (12, 36), (6, 24)  # shortest and longest default window, in months
_FEWEST_AFTER = 6  # periods


def _rows(outcome: CheckOutcome) -> pd.DataFrame:
    own = outcome.figure_data["actual"][["platform", "group", "event", "label"]]
    found = outcome.figure_data["placebos"]
    return found if found.empty else found.merge(own, on=["platform", "group", "event"])


def _histogram(axes: Axes, style: Any, rows: pd.DataFrame, outcome: CheckOutcome) -> None:
    actual, row = outcome.figure_data["actual"], rows.iloc[0]
    same = (actual["platform"] == row["platform"]) & (actual["group"] == row["group"])
    own = actual[same & (actual["event"] == row["event"])].iloc[0]
    values = rows["statistic"].to_numpy(dtype=float)
    reach = max(np.abs(values).max(), abs(float(own["statistic"])), 2.5) * 1.1
    axes.hist(
        values,
        bins=list(np.linspace(-reach, reach, 25)),
        color=style.look(row["platform"])[0],
        alpha=0.55,
        label="placebo dates",
    )
    axes.axvline(float(own["statistic"]), color=style.INK, linewidth=1.6, label="the event itself")
    axes.set_xlim(-reach, reach)
    axes.locator_params(axis="y", nbins=3, integer=True)
    note = f"{p_text(own['p'])} (m = {int(own['m'])})"
    axes.text(0.02, 0.95, note, transform=axes.transAxes, va="top", fontsize=6.2)


DRAWING = Sketch(
    layer="placebos",
    draw=_histogram,
    says=(
        "Estimates, in standard errors, of the same model at dates before the first event, in "
        "windows of the same length. The line is the event."
    ),
    by=("label",),
    below="estimate / standard error",
    legend="row",
    rows=_rows,
)


@dataclass(frozen=True, repr=False)
class PlaceboDates(OfContrasts):
    """Refit the same model at dates before the first event, where nothing happened.

    Every placebo date gets a window of the same length as the one around the event, wholly before
    the first event of the series. The empirical p-value is the share of dates, the event's own
    among them, at which the studentised estimate is at least as far from zero.

    Parameters
    ----------
    n : int
        At most this many placebo dates; if more fit, a seeded random subset.
    window : (int, int), optional
        Periods before and after the event. By default up to 36 and 24, shortened (to no less than
        12 and 6) until 39 placebo dates fit, or else 19.
    term, event, platform, group : str, optional
        Which estimates to check; the level change of every series and event by default.
    alpha : float
        Level of the empirical p-value.
    seed : int
        Seed of the subset.

    Notes
    -----
    Per contrast: *passed* if the model finds a change in the window around the event and at
    most `alpha` of the dates show as much; *failed* if more than twice `alpha` do; *not
    informative* in between, or if the model finds no change in that window; *not applicable*
    with fewer than 19 placebo dates.

    See Also
    --------
    anticipation : A change before the event.
    placebo_cohorts : The same recipe in other years.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> its.check(ut.placebo_dates()).name
    'placebo_dates'
    """

    name: ClassVar[str] = "placebo_dates"
    question: ClassVar[str] = (
        "How often does the same model find as much at dates where nothing happened?"
    )
    weight: ClassVar[Weight | None] = Weight(
        "withdraws",
        "the same model finds changes as large at dates where nothing happened",
        needed_for="associated with",
        rank=1,
    )
    drawing: ClassVar[Sketch | Whole | None] = DRAWING

    _: KW_ONLY
    n: int = 99
    window: tuple[int, int] | None = None
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < MINIMUM:
            raise InputError(
                f"fewer than {MINIMUM} placebo dates cannot give a p-value of .05",
                column="n",
                value=self.n,
                fix=f"use n={MINIMUM} or more",
            )
        if self.window is not None and len(self.window) != 2:
            raise InputError(
                "a window is two numbers of periods",
                column="window",
                value=self.window,
                fix="give periods before and after, as in (24, 12)",
            )

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        chosen = self.chosen(result)
        rows, draws = [], []
        for _, effect in chosen.iterrows():
            row, drawn = _one(result, effect, self.n, self.window, self.alpha, self.seed)
            rows.append(row)
            draws.append(drawn)
        table = pd.DataFrame(rows)
        known = [frame for frame in draws if len(frame)]
        placebos = pd.concat(known, ignore_index=True) if known else pd.DataFrame()
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=_sentence(table, self.alpha),
            figure_data={"placebos": placebos, "actual": table},
        )


placebo_dates = PlaceboDates


def _one(
    result: Any,
    effect: pd.Series,
    n: int,
    window: tuple[int, int] | None,
    alpha: float,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    keys = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}

    def without(status: Status, reason: str) -> tuple[dict[str, Any], pd.DataFrame]:
        return {**keys, **_EMPTY, "status": status, "reason": reason}, pd.DataFrame()

    if effect["status"] not in USABLE:
        return without("not applicable", without_estimate(effect))
    fit = fit_of(result, effect["platform"], effect["group"])
    block = block_of(fit, effect["event"])
    if block is None:
        return without("not applicable", "the event is not in this fit")
    observed = fit.observed
    first_event = min(touched(other, observed.index)[0] for other in fit.blocks)
    begin, end = touched(block, observed.index)
    span = end - begin
    grid = pd.DatetimeIndex(observed.index)
    found = window or _default_window(first_event, span, len(observed) - end, grid)
    if found is None:
        return without(
            "not applicable",
            f"{first_event} periods before the first event and {len(observed) - end} after this "
            f"one leave no room for {MINIMUM} placebo dates",
        )
    before, after = found
    if begin < before or len(observed) - end < after:
        return without("not applicable", f"the event has no window of {before} + {after} periods")
    starts = np.arange(before, first_event - span - after + 1)
    if len(starts) < MINIMUM:
        return without(
            "not applicable", f"only {len(starts)} placebo dates fit, {MINIMUM} are needed"
        )
    possible = len(starts)
    if possible > n:
        starts = np.sort(np.random.default_rng(seed).choice(starts, n, replace=False))

    def estimated(at: int, events: tuple[Event, ...]) -> Found | None:
        part = observed.iloc[at - before : at + span + after]
        item = NamedSeries(keys["platform"], keys["group"], part)
        # The scale of the fit, not one that every window chooses for itself.
        settings = replace(result.settings, scale=fit.scale)
        sizes = fit.prepared.spread
        sizes = None if sizes is None else sizes[at - before : at + span + after]
        return _estimate(item, events, settings, str(keys["event"]), str(keys["term"]), sizes)

    inside = tuple(
        member
        for other in fit.blocks
        if begin - before <= touched(other, observed.index)[0] < end + after
        for member in other.events
    )
    actual = estimated(begin, inside)
    if actual is None:
        return without("not applicable", "the model cannot be fitted in the window of the event")
    freq = observed.index.freqstr
    refits = [(int(at), estimated(int(at), shifted(block, int(at - begin), freq))) for at in starts]
    kept = [(at, found) for at, found in refits if found is not None]
    if len(kept) < MINIMUM:
        return without("not applicable", f"only {len(kept)} placebo dates could be fitted")
    placebos = pd.DataFrame(
        {
            **{key: value for key, value in keys.items() if key != "label"},
            "date": [observed.index[at] for at, _ in kept],
            "estimate": [found.estimate for _, found in kept],
            "statistic": [found.statistic for _, found in kept],
            "p": [found.p for _, found in kept],
        }
    )
    as_large = placebos["statistic"].abs() >= abs(actual.statistic)
    p = float((1 + as_large.sum()) / (1 + len(placebos)))
    status, reason = _verdict(p, actual.p, alpha)
    return {
        **keys,
        "estimate": actual.estimate,
        "statistic": actual.statistic,
        "p_model": actual.p,
        "m": len(placebos),
        "possible": possible,
        "p": p,
        "false_alarms": float((placebos["p"] <= alpha).mean()),
        "before": before,
        "after": after,
        "independent_windows": first_event / (before + span + after),
        "status": status,
        "reason": reason,
    }, placebos


class Found(NamedTuple):
    """An estimate in one window."""

    estimate: float
    statistic: float
    p: float


def _estimate(
    item: NamedSeries,
    events: tuple[Event, ...],
    settings: Settings,
    event: str,
    term: str,
    sizes: Array | None,
) -> Found | None:
    """Fit the model to one window, errors sized as in the whole fit; None where it cannot be."""
    try:
        prepared = replace(prepare(item, as_events(events), settings), spread=sizes)
    except InputError:
        return None
    line = contrast_row(prepared.design, event, term)
    if prepared.choice.status == "refused" or line is None:
        return None
    try:
        found = estimate(prepared).contrast(line)
    except NotEstimableError:
        return None
    value, se, p = (float(part[0]) for part in (found.estimate, found.se, found.p))
    return Found(value, value / se if se > 0 else 0.0, p) if np.isfinite(value) else None


def _verdict(p: float, p_model: float, alpha: float) -> tuple[Status, str]:
    if not p_model <= alpha:
        return "not informative", "the model finds no change in the event's own window"
    if p <= alpha:
        return "passed", ""
    if p <= 2 * alpha:
        return "not informative", f"{p_text(p)}, too close to {alpha:g} to tell with so few dates"
    return "failed", ""


_EMPTY: dict[str, Any] = {
    "estimate": np.nan,
    "statistic": np.nan,
    "p_model": np.nan,
    "m": 0,
    "possible": 0,
    "p": np.nan,
    "false_alarms": np.nan,
    "before": 0,
    "after": 0,
    "independent_windows": np.nan,
}


def _default_window(
    before_first: int, span: int, after_event: int, index: pd.DatetimeIndex
) -> tuple[int, int] | None:
    """Return the longest window that leaves room for enough dates, or None."""
    shortest, longest = (in_periods(index, months) for months in _BEFORE)
    least, most = (in_periods(index, months) for months in _AFTER)
    # Where less than half a year follows the event, placebo dates get as many periods as it has.
    least = min(least, max(_FEWEST_AFTER, after_event))
    for dates in (2 * MINIMUM + 1, MINIMUM):
        room = before_first - span - dates + 1
        after = min(most, after_event, max(least, min(2 * room // 5, room - shortest)))
        before = min(longest, room - after)
        if before >= shortest and after >= least:
            return before, after
    return None


def _sentence(table: pd.DataFrame, alpha: float) -> str:
    tested = table[table["status"].isin(("passed", "failed"))]
    if tested.empty:
        return f"No estimate could be held against placebo dates: {main_reason(table)}."
    if len(tested) == 1:
        row = tested.iloc[0]
        return (
            f"At {row['m']} dates where nothing happened the same model finds as much as at "
            f"{row['label'] or row['event']} in {row['p']:.0%} of cases ({p_text(row['p'])})."
        )
    out = int((tested["status"] == "passed").sum())
    few, many = tested["m"].min(), tested["m"].max()
    dates = f"{few}" if few == many else f"{few} to {many}"
    return (
        f"{out} of {len(tested)} changes stand out from what the same model finds at {dates} "
        f"dates where nothing happened (at most {alpha:.0%} of dates show as much)."
    )
