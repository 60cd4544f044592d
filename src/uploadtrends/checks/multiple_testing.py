"""Many platforms, groups and events: p-values adjusted for the whole family of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from uploadtrends.arrays import Array
from uploadtrends.checks.contrasts import USABLE, called, contrasts, overall
from uploadtrends.checks.outcome import Check, CheckOutcome
from uploadtrends.checks.working import calendar, contrast_row, joint_null, working_series
from uploadtrends.errors import InputError
from uploadtrends.familywise import holm

if TYPE_CHECKING:
    import pandas as pd

QUESTION = "Which estimates survive the number of platforms, groups and events tested?"


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Return Benjamini-Hochberg (1995) step-up p-values (false discovery rate)."""
    return _by_statsmodels(p_values, "fdr_bh")


def _by_statsmodels(p_values: ArrayLike, method: str) -> Array:
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise InputError("p-values lie between 0 and 1", value=[float(v) for v in p[known]])
    if known.any():
        adjusted[known] = multipletests(p[known], method=method)[1]
    return adjusted


def romano_wolf(statistics: ArrayLike, null_statistics: ArrayLike) -> Array:
    """Return Romano-Wolf (2005, 2016) step-down p-values.

    Each hypothesis is compared with the largest of its own and all less extreme hypotheses'
    statistics under the joint null, so that their dependence is used rather than bounded.

    Parameters
    ----------
    statistics : array_like, shape (n_tests,)
        Observed studentised statistics; the sign is ignored.
    null_statistics : array_like, shape (n_draws, n_tests)
        The same statistics, jointly drawn under the null.

    Returns
    -------
    numpy.ndarray, shape (n_tests,)
        Adjusted p-values, ``(1 + exceedances) / (1 + n_draws)``, monotone in the statistic.

    Raises
    ------
    InputError
        If the shapes do not match.
    """
    observed = np.abs(np.asarray(statistics, dtype=float))
    null = np.abs(np.asarray(null_statistics, dtype=float))
    if null.ndim != 2 or null.shape[1:] != observed.shape:
        raise InputError(
            "the null statistics need one column per test",
            value={"statistics": observed.shape, "null_statistics": null.shape},
        )
    order = np.argsort(-observed, kind="stable")
    # Largest statistic among a hypothesis and all the less extreme ones, for every draw.
    running = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    exceed = (running >= observed[order]).sum(axis=0)
    p = np.maximum.accumulate((1 + exceed) / (1 + len(null)))
    adjusted: Array = np.empty_like(observed)
    adjusted[order] = p
    return adjusted


def multiplicity(
    *,
    method: Literal["holm", "benjamini-hochberg", "romano-wolf"] = "holm",
    term: str | None = None,
    n_draws: int = 1999,
    alpha: float = 0.05,
    seed: int = 0,
) -> Check:
    """Adjust the p-values of all platforms, groups and events for their number.

    Parameters
    ----------
    method : {"holm", "benjamini-hochberg", "romano-wolf"}
        Which adjustment decides; all three are in the table. Holm controls the chance of any false
        claim whatever the dependence; Benjamini-Hochberg the share of false ones among the claims;
        Romano-Wolf that of any false claim, using the dependence between series and events, from
        draws of the fitted null.
    term : str, optional
        Which estimates form the family; the level changes by default.
    n_draws, seed : int
        Draws of the null for Romano-Wolf, and their seed.
    alpha : float
        Level of the adjusted p-values.

    Returns
    -------
    Check
        Per contrast: *passed* if it stays below `alpha` after the adjustment; *failed* if it was
        below only before; *not informative* if it was never below.
    """
    settings = dict(locals())
    known = ("holm", "benjamini-hochberg", "romano-wolf")
    if method not in known:
        raise InputError("unknown adjustment", value=method, fix=f"one of {', '.join(known)}")
    return Check("multiplicity", QUESTION, _run, settings)


def _run(
    result: Any, *, method: str, term: str | None, n_draws: int, alpha: float, seed: int
) -> CheckOutcome:
    import pandas as pd

    chosen = contrasts(result, term=term)
    tested = chosen["status"].isin(USABLE) & chosen["p"].notna()
    p = chosen["p"].where(tested).to_numpy(dtype=float)
    table = chosen[["platform", "group", "event", "label", "term"]].copy()
    table["p"] = p
    table["p_holm"] = holm(p)
    table["p_benjamini_hochberg"] = benjamini_hochberg(p)
    table["p_romano_wolf"] = _romano_wolf_of(result, chosen, n_draws, seed)
    table["p_adjusted"] = table[f"p_{method.replace('-', '_')}"]
    table["method"] = method
    table["n_tests"] = int(tested.sum())
    table["status"] = [
        "not applicable"
        if not ok
        else "not informative"
        if before > alpha
        else "passed"
        if after <= alpha
        else "failed"
        for ok, before, after in zip(tested, p, table["p_adjusted"], strict=True)
    ]
    before, after = (p[tested] <= alpha).sum(), (table["status"] == "passed").sum()
    text = (
        f"Of {tested.sum()} estimates {before} have p <= {alpha:g} alone and {after} after the "
        f"adjustment for their number ({'-'.join(p.capitalize() for p in method.split('-'))})."
    )
    parameters = {"method": method, "term": term, "n_draws": n_draws, "alpha": alpha, "seed": seed}
    return CheckOutcome(
        name="multiplicity",
        question=QUESTION,
        status=overall(table["status"]),
        table=table,
        text=text,
        figure_data={"p_values": pd.DataFrame(table)},
        call=called(result, "multiplicity", parameters),
    )


def _romano_wolf_of(result: Any, chosen: pd.DataFrame, n_draws: int, seed: int) -> Array:
    """Return Romano-Wolf p-values of the chosen effects, NaN where there is no estimate."""
    from scipy.stats import norm

    from uploadtrends.models.estimators.averaged import fit_batch

    series = working_series(result)
    observed, null, places = [], [], []
    keys = list(series)
    if not keys:
        return np.full(len(chosen), np.nan)
    noise = joint_null(list(series.values())).noise(n_draws, seed)
    start = min(work.index[0] for work in series.values())
    for j, key in enumerate(keys):
        work = series[key]
        mine = chosen[(chosen["platform"] == key[0]) & (chosen["group"] == key[1])]
        mine = mine[mine["status"].isin(USABLE)]
        rows = {
            place: row
            for place, event, term in zip(mine.index, mine["event"], mine["term"], strict=True)
            if (row := contrast_row(work.design, event, term)) is not None
        }
        if not rows:
            continue
        lead = len(calendar(start, work.index[0], work.index.freqstr)) - 1
        every = np.concatenate([work.y[None], noise[:, j, lead + work.rows]])
        fit = fit_batch(
            every, work.x, np.concatenate(list(rows.values())), positions=work.positions
        )
        # p-values on the scale of a normal deviate: larger is more extreme.
        z = norm.isf(np.clip(fit.p, 1e-300, 1.0) / 2)
        observed.append(z[0])
        null.append(z[1:])
        places += list(rows)
    adjusted = np.full(len(chosen), np.nan)
    if places:
        adjusted[places] = romano_wolf(np.concatenate(observed), np.concatenate(null, axis=1))
    return adjusted
