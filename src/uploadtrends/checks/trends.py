"""Before the event: did the groups that are compared already move apart?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from uploadtrends.brief import p_text
from uploadtrends.checks.check import Check, Sketch, Weight, Whole
from uploadtrends.checks.contrasts import contrasts, overall
from uploadtrends.checks.nulls import detection, fit_null, joint_p, smallest_detectable
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.working import (
    Working,
    before_event,
    too_sparse,
    working,
    working_series,
)
from uploadtrends.collect.sites import written
from uploadtrends.errors import InputError
from uploadtrends.models.estimators.averaged import fit_batch
from uploadtrends.series.grid import in_periods, periods_per_year

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHORTEST = 18  # months (or longer periods) before the event below which the test is not run


def _rows(outcome: CheckOutcome) -> pd.DataFrame:
    table = outcome.figure_data["differences"].rename(columns={"date": "period"})
    return table.assign(against=[f"less {name}" for name in table["reference"]])


def _differences(axes: Axes, style: Any, rows: pd.DataFrame, _: CheckOutcome) -> None:
    rows = rows.dropna(subset=["difference"])
    when = style.days(rows["period"])
    colour = style.look(rows.iloc[0]["platform"])[0]
    axes.plot(when, rows["difference"], marker="o", color=colour)
    axes.locator_params(axis="y", nbins=4)
    axes.set_ylabel(style.say(str(rows["on"].iloc[0])))
    style.dates(axes, (float(when.min()) - 15, float(when.max()) + 15), ticks=6)


@dataclass(frozen=True, repr=False)
class ParallelTrends(Check):
    """Test whether the difference between two series had a trend before the event.

    For every pair, the difference of the two series (of logarithms where both are modelled so) is
    regressed on time before the first event, with the model's seasonal terms and AR(1) errors. The
    joint p-value compares the largest statistic with its distribution in draws where all
    differences are flat, with the correlation between pairs.

    Parameters
    ----------
    between : {"group", "platform"}
        Compare groups within each platform, or platforms within each group. The group of all
        artists is left out where there are parts of it.
    event : str, optional
        Block whose date ends the window; the first of each series by default.
    n_draws, seed : int
        Draws of the null, and their seed.
    alpha : float
        Level of the joint test.

    Notes
    -----
    *Failed* if the joint test rejects; per pair *passed* if a drift as large as the pair's
    largest estimate within a year would have been found with 80% power, else *not
    informative*.

    Two series whose models are on different scales are compared on one: that whose data mind the
    change less is taken to the scale of the other. Column `scale` and the text say so.

    See Also
    --------
    event_study : The leads by period.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> its = ut.interrupted_time_series(
    ...     panel, "2021-06-01", groups=["senior", "new"], method="ols-hac"
    ... )
    >>> its.check(ut.parallel_trends()).name
    'parallel_trends'
    """

    name: ClassVar[str] = "parallel_trends"
    question: ClassVar[str] = "Did the groups move in parallel before the event?"
    weight: ClassVar[Weight | None] = Weight(
        "caps", "the groups that are compared moved apart before the date", rank=9
    )
    drawing: ClassVar[Sketch | Whole | None] = Sketch(
        layer="differences",
        draw=_differences,
        says="Difference between two groups before the event.",
        by=("against",),
        rows=_rows,
    )

    _: KW_ONLY
    between: str = "group"
    event: str | None = None
    n_draws: int = 999
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.between not in ("group", "platform"):
            raise InputError(
                "unknown comparison", value=self.between, fix='use "group" or "platform"'
            )

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        series = working_series(result)
        pairs = _pairs(list(series), self.between)
        rows, drifts, moved = [], [], set()
        for a, b in pairs:
            first, second = _on_one_scale(result, series[a], series[b])
            for own, used in ((series[a], first), (series[b], second)):
                if own is not used:
                    moved.add((own.platform, own.group, used.scale))
            found, drift = _drift(first, second, self.event)
            row: dict[str, Any] = {
                "platform": a[0],
                "group": a[1],
                "reference_platform": b[0],
                "reference": b[1],
            }
            row |= found
            row["scale"] = first.scale
            row["largest_estimate"] = max(_largest(result, first), _largest(result, second))
            rows.append(row)
            drifts.append(drift)
        tested = [i for i, drift in enumerate(drifts) if drift is not None]
        p_joint = np.nan
        if tested:
            known = [drift for drift in drifts if drift is not None]
            p_joint, smallest = _drift_test(known, self.n_draws, self.alpha, self.seed)
            for i, size in zip(tested, smallest, strict=True):
                rows[i]["minimum_detectable_per_year"] = size
                informative = size <= rows[i]["largest_estimate"]
                rows[i]["status"] = "passed" if informative else "not informative"
                if not informative:
                    rows[i]["reason"] = "a drift as large as the estimate could have gone unseen"
                if p_joint <= self.alpha and rows[i]["p"] <= self.alpha:
                    rows[i] |= {"status": "failed", "reason": ""}
            if p_joint <= self.alpha and not any(row["status"] == "failed" for row in rows):
                strongest = min(tested, key=lambda i: rows[i]["p"])
                rows[strongest] |= {"status": "failed", "reason": ""}
        table = pd.DataFrame(rows)
        if len(table):
            table["p_joint"] = p_joint
        lines = [drift["line"] for drift in drifts if drift is not None]
        return self.found(
            result,
            status=overall(table["status"]) if len(table) else "not applicable",
            table=table,
            text=_parallel_text(table, p_joint, self.alpha, self.between) + _moved(moved),
            figure_data={"differences": pd.concat(lines) if lines else pd.DataFrame()},
        )


parallel_trends = ParallelTrends


def _parallel_text(table: pd.DataFrame, p_joint: float, alpha: float, between: str) -> str:
    if np.isnan(p_joint):
        why = table["reason"].iloc[0] if len(table) else f"there are no two {between}s to compare"
        return f"Parallel trends could not be tested: {why}."
    verb = "moved apart" if p_joint <= alpha else "show no drift apart"
    tested = table[table["p"].notna()]
    least = tested["minimum_detectable_per_year"].max()
    return (
        f"Before the event the {between}s {verb} (joint {p_text(p_joint)}, {len(tested)} "
        f"comparisons; a drift of {least:.2g} a year would have been found in each with 80% power)."
    )


def _moved(moved: set[tuple[str, str, str]]) -> str:
    """Say which series were compared on another scale than that of their own model."""
    said = []
    for platform, group, scale in sorted(moved):
        name = " ".join(part for part in (written(platform), group) if part)
        to = "the scale of the data" if scale == "level" else "the log scale"
        said.append(f"{name} on {to}")
    return f" On another scale than that of its own model: {', '.join(said)}." if said else ""


def _on_one_scale(result: Any, a: Working, b: Working) -> tuple[Working, Working]:
    """Return both on one scale, where there is one; else as they are."""
    if (a.scale == "level") == (b.scale == "level"):
        return a, b
    fits = {(fit.platform, fit.group): fit.prepared for fit in result.fits}
    pair = [fits[work.platform, work.group] for work in (a, b)]
    can = [one.other is not None and one.other.choice.status != "refused" for one in pair]
    if not any(can):
        return a, b
    # The one whose data mind the change less; infinite margins have no other scale.
    first = can[0] and (not can[1] or pair[0].margin <= pair[1].margin)
    other = pair[0 if first else 1].other
    return (working(other), b) if first else (a, working(other))


def _largest(result: Any, work: Working) -> float:
    """Return the largest estimate of a series on the scale of its working regression."""
    rows = contrasts(result)
    rows = rows[(rows["platform"] == work.platform) & (rows["group"] == work.group)]
    if rows.empty:
        return float("nan")
    logs = rows["unit"].astype(str).str.startswith("log ratio")
    if work.scale == "level":
        sizes = rows["estimate"].where(~logs, rows["absolute"])
    else:
        sizes = rows["estimate"].where(logs, np.log1p(np.maximum(rows["relative"], -99.9) / 100))
    return float(sizes.abs().max())


def _pairs(
    keys: list[tuple[str, str]], between: str
) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    fixed = 0 if between == "group" else 1
    found = []
    for a, b in combinations(keys, 2):
        if a[fixed] != b[fixed] or a[1 - fixed] == b[1 - fixed]:
            continue
        same = [key for key in keys if key[fixed] == a[fixed]]
        if between == "group" and len(same) > 2 and {a[1], b[1]} & {"all", "total"}:
            continue
        found.append((a, b))
    return found


def _drift(
    a: Working, b: Working, event: str | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Regress the difference of two series before the event on time."""
    row: dict[str, Any] = {
        "event": "",
        "drift_per_year": np.nan,
        "low": np.nan,
        "high": np.nan,
        "p": np.nan,
        "minimum_detectable_per_year": np.nan,
        "n_before": 0,
        "status": "not applicable",
        "reason": "",
    }
    known = [
        work for work in (a, b) if work.design.onsets and (event in (None, *work.design.onsets))
    ]
    if len(known) < 2:
        return row | {"reason": "the event is not in both models"}, None
    if (a.scale == "level") != (b.scale == "level") or a.index.freqstr != b.index.freqstr:
        return row | {"reason": "the two series are on different scales"}, None
    for work in (a, b):
        if sparse := too_sparse(work, before_event(work, event)[0]):
            return row | {"reason": f"{work.group or work.platform}: {sparse}"}, None
    stop = min(work.index[before_event(work, event)[0]] for work in (a, b))
    both = pd.concat(
        [pd.Series(work.response, work.index) for work in (a, b)], axis=1, join="inner"
    )
    both = both[both.index < stop]
    difference = (both[0] - both[1]).to_numpy()
    rows = np.flatnonzero(~np.isnan(difference))
    season = [i for i, name in enumerate(a.design.names) if name not in ("intercept", "trend")]
    _, kept = before_event(a, event)
    at = a.index.get_indexer(both.index)
    seasonal = np.asarray([i for i in season if i in kept], dtype=int)
    columns = a.design.matrix[np.ix_(at, seasonal)]
    need = in_periods(a.index, _SHORTEST) + columns.shape[1]
    if rows.size < need:
        return row | {"reason": f"{rows.size} common periods before the event, {need} needed"}, None
    years = np.arange(len(both)) / periods_per_year(a.index)
    design = np.column_stack([np.ones(len(both)), columns, years])
    line = np.zeros((1, design.shape[1]))
    line[0, -1] = 1.0
    fit = fit_batch(difference[rows], design[rows], line, positions=rows.astype(float))
    other = b.group if a.platform == b.platform else written(b.platform)
    names = {"platform": a.platform, "group": a.group, "reference": other}
    row |= {
        "event": event or "",
        "drift_per_year": float(fit.estimate[0, 0]),
        "low": float(fit.low[0, 0]),
        "high": float(fit.high[0, 0]),
        "p": float(fit.p[0, 0]),
        "n_before": int(rows.size),
    }
    on = "difference (scale of the data)" if a.scale == "level" else "difference (log scale)"
    shown = pd.DataFrame({**names, "date": both.index, "difference": difference, "on": on})
    return row, {
        "index": both.index,
        "difference": difference,
        "design": design,
        "contrast": line,
        "rows": rows,
        "line": shown,
    }


def _drift_test(
    drifts: list[dict[str, Any]], n_draws: int, alpha: float, seed: int
) -> tuple[float, list[float]]:
    """Return the joint p-value of all drifts, and the smallest drift each would have shown."""
    grid = drifts[0]["index"]
    for drift in drifts[1:]:
        grid = grid.union(drift["index"])
    outcomes = np.full((len(drifts), len(grid)), np.nan)
    designs, places = [], []
    for j, drift in enumerate(drifts):
        place = grid.get_indexer(drift["index"])
        outcomes[j, place] = drift["difference"]
        wide = np.zeros((len(grid), drift["design"].shape[1]))
        wide[place] = drift["design"]
        designs.append(wide)
        places.append(place[drift["rows"]])
    noise = fit_null(outcomes, designs).noise(n_draws, seed)
    z, null = [], []
    for j, (drift, place) in enumerate(zip(drifts, places, strict=True)):
        every = np.concatenate([drift["difference"][None, drift["rows"]], noise[:, j, place]])
        design = drift["design"][drift["rows"]]
        fit = fit_batch(every, design, drift["contrast"], positions=drift["rows"].astype(float))
        deviate = -ndtri(np.clip(fit.p[:, 0], 1e-300, 1) / 2)
        z.append(deviate[0])
        null.append(deviate[1:])
    p, level = joint_p(np.array(z), np.array(null).T, alpha)
    smallest = []
    for drift in drifts:
        rows = drift["rows"]
        low, high = detection(
            drift["difference"][rows],
            drift["design"][rows],
            drift["contrast"],
            positions=rows.astype(float),
            alpha=level,
            n_draws=n_draws,
            seed=seed,
        )
        smallest.append(smallest_detectable(low[:, 0], high[:, 0]))
    return p, smallest
