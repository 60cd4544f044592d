"""The specification curve: what do all defensible choices say together?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from uploadtrends.checks.check import Check, Sketch, Weight, Whole
from uploadtrends.checks.contrasts import (
    USABLE,
    contrasts,
    overall,
    panel_of,
    without_estimate,
)
from uploadtrends.checks.drawings.specifications import curve_drawn
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.specification_fits import (
    Cell,
    Curve,
    Specification,
    fit_specifications,
)
from uploadtrends.errors import InputError
from uploadtrends.limits import one_of, whole_number
from uploadtrends.models.settings import METHODS
from uploadtrends.models.terms import TERMS

WORTH_A_POOL = 1_000_000
"""Fits of draws from which on a second process repays its start (two seconds of imports)."""
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "unit": ("uploads", "active_artists", "uploads_per_active"),
    "seniority": ("12 months", "24 months", "36 months"),
    "period": ("month", "quarter"),
    "window": ("all", "36 months", "24 months"),
    "scale": ("log", "level"),
    "terms": (("level", "slope"), ("level",)),
    "season": ("auto", "none"),
    "boundary": ("exposure", "inclusive", "exclude"),
    "method": ("reml-averaged", "ols-hac"),
}


@dataclass(frozen=True, repr=False)
class SpecificationCurve(Check):
    """Refit under every defensible choice, and test all specifications jointly.

    The joint test redraws every series from its fitted model without event effects (AR(1) errors,
    correlated between units and seniority rules), runs all specifications on each draw, and
    compares three statistics (Simonsohn, Simmons & Nelson 2020): the median effect, the share of
    significant specifications of the more frequent sign, and the mean standardised effect
    (Stouffer). Event dates are not exchangeable, so they are never permuted.

    Parameters
    ----------
    panel : Panel, optional
        Needed for the choices of unit and seniority rule; without it each series is taken as it
        is.
    choices : mapping of str to sequence (or one name), optional
        Replaces the default choices of unit, seniority (``senior_after`` of the panel's rule),
        period, window (months around the events), scale, terms, season, boundary, method.
    n : int
        At most this many specifications: a seeded random subset of the grid, the result's own
        choices always among them. Those that come to the same regression are counted once, so that
        shares are not of duplicates.
    term : str
        Which effect; level by default.
    n_draws : int
        Draws of the null.
    alpha : float
        Level of the joint test.
    n_jobs : int
        Processes at most; below `WORTH_A_POOL` one does it alone sooner than others have started.
        Above it any backend that joblib was told to use.
    seed : int
        The same seed gives the same curve and the same p-values.

    Notes
    -----
    Per series and event: *passed* if the estimate is significant, and the specifications
    jointly (mean standardised effect) with the same sign; *failed* if only the estimate is;
    *not informative* if the estimate is not.

    See Also
    --------
    compare : Other methods only.
    leave_one_out : Other data rather than other choices.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> its.check(ut.specification_curve(choices={"terms": (("level",),)})).name
    'specification_curve'
    """

    name: ClassVar[str] = "specification_curve"
    question: ClassVar[str] = (
        "What do all defensible choices of unit, period, window and model say together?"
    )
    weight: ClassVar[Weight | None] = Weight(
        "caps", "other defensible specifications do not bear it out", rank=6
    )
    drawing: ClassVar[Sketch | Whole | None] = Whole(curve_drawn, "Every defensible specification")

    panel: Any = None
    _: KW_ONLY
    choices: Mapping[str, Sequence[Any]] | None = None
    n: int = 200
    term: str = "level"
    n_draws: int = 199
    alpha: float = 0.05
    n_jobs: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        given = (self.choices or {}).items()
        choices = {name: (one,) if isinstance(one, str) else one for name, one in given}
        self._settle(choices=choices)
        unknown = set(choices) - set(DEFAULTS)
        if unknown:
            raise InputError(
                "unknown choice", column=sorted(unknown)[0], fix=f"use {', '.join(DEFAULTS)}"
            )
        whole_number("n_draws", self.n_draws, 19)
        for name, allowed in (
            ("scale", ("level", "log")),
            ("boundary", ("exposure", "inclusive", "exclude")),
            ("method", METHODS),
        ):
            for value in choices.get(name, ()):
                one_of(name, value, allowed)

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        panel = panel_of(result, self.panel)
        choices = self.choices or {}
        fits = [fit for fit in result.fits if fit.status != "refused"]
        chosen = contrasts(result, term=self.term)
        rules = _rules(panel, choices)
        tasks = []
        for number, fit in enumerate(fits):
            cells = _cells(fit, panel, rules, choices)
            specs = specifications(fit, cells, choices, self.n, self.term, self.seed)
            names = [block.id for block in fit.blocks]
            args = (fit.platform, fit.group, cells, specs, result.events, result.settings)
            tasks.append((*args, names, self.term, self.n_draws, self.seed + number))
        work = sum(len(task[3]) for task in tasks) * self.n_draws
        jobs = min(self.n_jobs, max(len(tasks), 1)) if work >= WORTH_A_POOL else 1
        if jobs == 1:
            curves = [fit_specifications(*task) for task in tasks]
        else:
            from joblib import Parallel, delayed

            curves = Parallel(n_jobs=jobs)(delayed(fit_specifications)(*task) for task in tasks)
        rows, points = [], []
        for fit, task, curve in zip(fits, tasks, curves, strict=True):
            mine = chosen[(chosen["platform"] == fit.platform) & (chosen["group"] == fit.group)]
            for _, effect in mine.iterrows():
                rows.append(_joint(effect, curve, self.alpha))
            points.append(_points(fit, task[3], curve))
        table = pd.DataFrame(rows)
        return self.found(
            result,
            status=overall(table["status"]) if len(table) else "not applicable",
            table=table,
            text=_sentence(table),
            figure_data={
                "curve": pd.concat(points, ignore_index=True) if points else pd.DataFrame()
            },
        )


specification_curve = SpecificationCurve


def _rules(panel: Any, choices: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the panel under each seniority rule, by the rule's name."""
    from dataclasses import replace

    if panel is None or panel.seniority is None:
        return {}
    own = panel.seniority.senior_after
    wanted = dict.fromkeys([own, *choices.get("seniority", DEFAULTS["seniority"])])
    return {
        str(after): panel
        if after == own
        else panel.with_seniority(replace(panel.seniority, senior_after=str(after)))
        for after in wanted
    }


def _cells(
    fit: Any, panel: Any, rules: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]
) -> dict[Cell, pd.Series]:
    """Return the series of one platform and group under each unit and rule; its own first.

    A senior group is taken from the day on which it is closed.
    """
    own = fit.prepared.settings.unit
    if panel is None or not panel.has_artists(fit.platform):
        return {(own, "as given"): fit.observed}
    name = panel.seniority.senior_after if rules else "as given"
    cells: dict[Cell, pd.Series] = {(own, name): fit.observed}
    for rule, grouped in (rules or {name: panel}).items():
        if (fit.platform, fit.group) not in grouped.keys():
            continue
        for unit in choices.get("unit", DEFAULTS["unit"]):
            series = grouped.series(fit.platform, fit.group, unit=unit)
            series = series.reindex(fit.observed.index)
            closed = grouped.seniority and grouped.seniority.closes("senior")
            if fit.group == "senior" and closed is not None:
                # Until then artists still grow into the group, and no trend of it is one of theirs.
                series = series.where(series.index >= closed)
            if (unit, rule) not in cells and series.notna().sum() >= 24:
                cells[(unit, rule)] = series
        if fit.group == "all":
            break
    return cells


def specifications(
    fit: Any,
    cells: Mapping[Cell, pd.Series],
    choices: Mapping[str, Sequence[Any]],
    n: int,
    term: str,
    seed: int,
) -> list[Specification]:
    """Return the fit's own specification and a seeded sample of the other choices."""
    settings = fit.prepared.settings
    grid = {key: tuple(choices.get(key, default)) for key, default in DEFAULTS.items()}
    if fit.observed.index.freqstr != "MS" or _aligned(settings):
        grid["period"] = ("as given",)
    if not all((series.dropna() > 0).all() for series in cells.values()):
        grid["scale"] = ("level",)
    if term in TERMS and term != "level":
        grid["terms"] = tuple(terms for terms in grid["terms"] if term in terms)
    period = "month" if fit.observed.index.freqstr == "MS" else "as given"
    own = Specification(
        *next(iter(cells)),
        period=period if grid["period"] != ("as given",) else "as given",
        window="all",
        scale=fit.scale if fit.scale in grid["scale"] else grid["scale"][0],
        terms=settings.terms,
        season=str(settings.season),
        boundary=settings.boundary,
        method=fit.method if fit.method in ("reml-ar1", "ols-hac") else "reml-averaged",
    )
    rest = ("period", "window", "scale", "terms", "season", "boundary", "method")
    every = [
        Specification(*cell, *combination)
        for cell, combination in product(cells, product(*(grid[key] for key in rest)))
    ]
    others = [spec for spec in every if spec != own]
    order = np.random.default_rng(seed).permutation(len(others))[: n - 1]
    return [own, *(others[i] for i in np.sort(order))]


def _aligned(settings: Any) -> bool:
    """Tell whether other series are tied to the period of the data."""
    given = (settings.control, settings.covariates, settings.offset)
    return any(series is not None for series in given)


def _joint(effect: pd.Series, curve: Curve, alpha: float) -> dict[str, Any]:
    keys = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}
    empty = dict.fromkeys(("median_percent", "share_significant", "mean_z"), np.nan)
    empty |= dict.fromkeys(("p_median", "p_share", "p_mean_z"), np.nan)
    if effect["event"] not in curve.events or effect["status"] not in USABLE:
        reason = without_estimate(effect)
        return {**keys, "n": 0, **empty, "status": "not applicable", "reason": reason}
    e = curve.events.index(effect["event"])
    known = np.isfinite(curve.z[:, e])
    if not known.any():
        return {
            **keys,
            "n": 0,
            **empty,
            "status": "not applicable",
            "reason": "no specification could be fitted",
        }
    observed = _statistics(curve.effect[known, e][None], curve.z[known, e][None], alpha)
    null = _statistics(curve.null_effect[:, known, e], curve.null_z[:, known, e], alpha)
    p = {
        name: float((1 + (np.abs(null[name]) >= np.abs(value[0])).sum()) / (1 + len(null[name])))
        if np.isfinite(value[0])
        else np.nan
        for name, value in observed.items()
    }
    mean_z = float(observed["mean_z"][0])
    status, reason = "not informative", "the estimate itself cannot be told from no change"
    if effect["p"] <= alpha:
        agree = p["mean_z"] <= alpha and np.sign(mean_z) == np.sign(effect["estimate"])
        status, reason = ("passed", "") if agree else ("failed", "")
    return {
        **keys,
        "n": int(known.sum()),
        "median_percent": 100 * float(np.expm1(observed["median"][0])),
        "share_significant": float(observed["share"][0]),
        "mean_z": mean_z,
        **{f"p_{name}": value for name, value in p.items()},
        "status": status,
        "reason": reason,
    }


def _statistics(effect: Any, z: Any, alpha: float) -> dict[str, Any]:
    """Return median effect, share significant with the more frequent sign, mean z; by draw."""
    limit = -ndtri(alpha / 2)
    share = np.maximum((z > limit).mean(axis=1), (z < -limit).mean(axis=1))
    # A series at or below zero has no effects in percent.
    sized = np.isfinite(effect).any(axis=1)
    median = np.full(len(effect), np.nan)
    median[sized] = np.nanmedian(effect[sized], axis=1)
    return {"median": median, "share": share, "mean_z": z.mean(axis=1)}


def _points(fit: Any, specs: Sequence[Specification], curve: Curve) -> pd.DataFrame:
    """Return one row a specification and event, ordered by effect within each event."""
    rows = [
        {
            "platform": fit.platform,
            "group": fit.group,
            "event": name,
            "own": s == 0,
            **spec.to_dict(),
            "effect_percent": 100 * np.expm1(curve.effect[s, e]),
            "low_percent": 100 * np.expm1(curve.low[s, e]),
            "high_percent": 100 * np.expm1(curve.high[s, e]),
            "p": curve.p[s, e],
            "n_periods": int(curve.n[s]),
        }
        for e, name in enumerate(curve.events)
        for s, spec in enumerate(specs)
        if np.isfinite(curve.p[s, e])
    ]
    points = pd.DataFrame(rows)
    if points.empty:
        return points
    points = points.sort_values(["event", "effect_percent"], kind="stable", ignore_index=True)
    points["rank"] = points.groupby("event", sort=False).cumcount() + 1
    return points


def _sentence(table: pd.DataFrame) -> str:
    known = table[table["status"] != "not applicable"] if len(table) else table
    if not len(known):
        return "No specification could be fitted."
    if len(known) == 1:
        row = known.iloc[0]
        median = row["median_percent"]
        sized = f" (median {median:+.0f}%)" if np.isfinite(median) else ""
        return (
            f"Of {row['n']} distinct specifications {row['share_significant']:.0%} find a change "
            f"of one sign{sized}; without any effect as much would "
            f"be seen with probability {row['p_mean_z']:.3f}."
        )
    claimed = known[known["status"] != "not informative"]
    if claimed.empty:
        return (
            "No estimate is significant by itself; of up to "
            f"{known['n'].max()} distinct specifications at most "
            f"{known['share_significant'].max():.0%} are, with one sign."
        )
    passed = int((claimed["status"] == "passed").sum())
    return (
        f"{passed} of {len(claimed)} estimates that are significant by themselves are borne out by "
        f"up to {known['n'].max()} distinct specifications tested jointly."
    )
