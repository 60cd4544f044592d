"""Before the event: had the change already begun?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from uploadtrends.brief import p_text
from uploadtrends.checks.check import Sketch, Weight, Whole
from uploadtrends.checks.contrasts import (
    USABLE,
    OfContrasts,
    main_reason,
    overall,
    series_name,
    without_estimate,
)
from uploadtrends.checks.nulls import detection, fit_null, joint_p, smallest_detectable
from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.checks.working import Working, before_event, too_sparse, working_series
from uploadtrends.familywise import holm
from uploadtrends.limits import whole_number
from uploadtrends.models.estimators.averaged import fit_batch
from uploadtrends.series.grid import frequent, in_periods

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHORTEST = 18  # months (or longer periods) before the event below which the test is not run


def _leads_drawn(axes: Axes, style: Any, rows: pd.DataFrame, _: CheckOutcome) -> None:
    colour, marker, _dash = style.look(rows.iloc[0]["platform"])
    percent = bool(rows["percent"].iloc[0])
    middle, low, high = (
        style.ratio_places(rows[name], percent) for name in ("estimate", "low", "high")
    )
    axes.errorbar(
        -rows["lead"].to_numpy(dtype=float),
        middle,
        yerr=np.maximum(np.vstack([middle - low, high - middle]), 0),
        color=colour,
        marker=marker,
        linestyle="",
        elinewidth=1,
    )
    axes.axhline(0, color=style.INK, linewidth=0.8)
    style.ratio_axis(axes, percent, unit=str(rows["unit"].iloc[0]))


@dataclass(frozen=True, repr=False)
class Anticipation(OfContrasts):
    """Test for a level change in the periods just before the event.

    The data end with the last period before the event. A level change is tried in each of the last
    `leads` periods (months, where there are more than 26 periods a year); the joint p-value
    compares the largest statistic with draws of the fitted null.

    Parameters
    ----------
    leads : int
        How many periods before the event; months, where there are more than 26 periods a year.
    term, event, platform, group : str, optional
        Which estimates; the level changes by default.
    n_draws, seed : int
        Draws of the null, and their seed.
    alpha : float
        Level of the joint test.

    Notes
    -----
    Per contrast: *failed* if the joint test rejects after Holm's adjustment for the number of
    contrasts; *passed* if it does not and would have
    found, with 80% power, an early change as large as the estimate at the event; else *not
    informative*; *not applicable* with fewer than 18 periods (months) before the event.

    See Also
    --------
    placebo_dates : Dates at which nothing happened.
    parallel_trends : Leads of a comparison.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> its.check(ut.anticipation(n_draws=99)).status
    'passed'
    """

    name: ClassVar[str] = "anticipation"
    question: ClassVar[str] = "Had the change begun before the date?"
    weight: ClassVar[Weight | None] = Weight(
        "withdraws", "the series had already moved before the date", rank=3
    )
    drawing: ClassVar[Sketch | Whole | None] = Sketch(
        layer="leads",
        draw=_leads_drawn,
        says="A change dated that many periods before the event.",
        by=("label",),
        below="periods before the event",
    )

    _: KW_ONLY
    leads: int = 6
    n_draws: int = 999
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number("n_draws", self.n_draws, 19)  # with fewer no p is below .05

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        chosen = self.chosen(result)
        series = working_series(result)
        rows, profiles = [], []
        for _, effect in chosen.iterrows():
            work = series.get((effect["platform"], effect["group"]))
            row = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}
            row |= {"estimate": effect["estimate"], **_NO_LEAD}
            if work is None or effect["status"] not in USABLE:
                row |= {"status": "not applicable", "reason": without_estimate(effect)}
            else:
                found, profile = _leads(
                    work, effect, self.leads, self.n_draws, self.alpha, self.seed
                )
                row |= found
                profiles.append(profile)
            rows.append(row)
        table = _verdicts(pd.DataFrame(rows), self.alpha)
        failed = table[table["status"] == "failed"]
        unit = "months" if any(frequent(work.index) for work in series.values()) else "periods"
        tested = int(table["status"].isin(("passed", "failed", "not informative")).sum())
        if not tested:
            text = f"No estimate could be tested for an early start: {main_reason(table)}."
        elif len(failed):
            first = failed.iloc[0]
            text = (
                f"{len(failed)} of {tested} series had moved before the date; that of "
                f"{first['label'] or first['event']} on {series_name(first)} by "
                f"{first['lead']} {unit} (joint {p_text(first['p_holm'])}, Holm)."
            )
        else:
            could = int((table["status"] == "passed").sum())
            text = (
                f"No series moved in the {self.leads} {unit} before its event; an early change of "
                f"the size of the estimate would have been seen in {could} of {tested}."
            )
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=text,
            figure_data={"leads": pd.concat(profiles) if profiles else pd.DataFrame()},
        )


anticipation = Anticipation


def _verdicts(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Mark as failed what rejects after Holm's adjustment for the number of series and events.

    Unadjusted, one veto in twenty would strike every claim where nothing came early.
    """
    table.insert(list(table.columns).index("p") + 1, "p_holm", holm(table["p"]))
    early = table["p_holm"] <= alpha
    table.loc[early, "status"], table.loc[early, "reason"] = "failed", ""
    return table


_NO_LEAD: dict[str, Any] = {
    "lead": 0,
    "early": np.nan,
    "p": np.nan,
    "minimum_detectable": np.nan,
    "n_before": 0,
}


def _leads(
    work: Working, effect: pd.Series, leads: int, n_draws: int, alpha: float, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    stop, kept = before_event(work, str(effect["event"]))
    rows = work.rows[work.rows < stop]
    need = in_periods(work.index, _SHORTEST) + len(kept)
    if rows.size < need:
        reason = f"{rows.size} periods before the event, {need} needed"
        return {"status": "not applicable", "reason": reason, "n_before": rows.size}, pd.DataFrame()
    if sparse := too_sparse(work, stop):
        return {"status": "not applicable", "reason": sparse, "n_before": rows.size}, pd.DataFrame()
    base = work.matrix[np.ix_(rows, np.asarray(kept))]
    y = work.weighted[rows]
    full = np.full(stop, np.nan)
    full[rows] = y
    wide = work.matrix[:stop, kept]
    noise = fit_null(full, wide).noise(n_draws, seed)[:, 0, rows]
    last = np.zeros((1, len(kept) + 1))
    last[0, -1] = 1.0
    z, null, profile, designs = [], [], [], {}
    for lead in range(1, leads + 1):
        step = (rows >= stop - in_periods(work.index, lead)).astype(float)
        if step.sum() < 1:
            continue
        designs[lead] = np.column_stack([base, step / work.spread[rows]])
        fit = fit_batch(
            np.concatenate([y[None], noise]), designs[lead], last, positions=rows.astype(float)
        )
        deviate = -ndtri(np.clip(fit.p[:, 0], 1e-300, 1) / 2)
        z.append(deviate[0])
        null.append(deviate[1:])
        profile.append(
            {
                **{key: effect[key] for key in ("platform", "group", "event", "label")},
                "lead": lead,
                "estimate": fit.estimate[0, 0],
                "low": fit.low[0, 0],
                "high": fit.high[0, 0],
                "p": fit.p[0, 0],
            }
        )
    layer = pd.DataFrame(profile)
    percent = str(effect["unit"]).startswith("log ratio")
    layer = layer.assign(percent=percent, unit="% of expected" if percent else effect["unit"])
    for name in ("estimate", "low", "high") if percent else ():
        layer[name] = 100 * np.expm1(layer[name])
    p, level = joint_p(np.array(z), np.array(null).T, alpha)
    middle = sorted(designs)[len(designs) // 2]
    low, high = detection(
        y, designs[middle], last, positions=rows.astype(float), alpha=level, n_draws=n_draws
    )
    smallest = smallest_detectable(low[:, 0], high[:, 0])
    best = profile[int(np.argmax(z))]
    status: Status = "passed" if smallest <= abs(effect["estimate"]) else "not informative"
    reason = "" if status == "passed" else "an early change of that size could have gone unseen"
    return {
        "lead": best["lead"],
        "early": best["estimate"],
        "p": p,
        "minimum_detectable": smallest,
        "n_before": int(rows.size),
        "status": status,
        "reason": reason,
    }, layer
