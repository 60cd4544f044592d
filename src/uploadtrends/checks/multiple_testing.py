"""Many platforms, groups and events: p-values adjusted for the whole family of tests."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from uploadtrends.arrays import Array
from uploadtrends.checks.check import Check, Sketch, Weight, Whole
from uploadtrends.checks.contrasts import USABLE, contrasts, overall
from uploadtrends.checks.nulls import p_values
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.working import calendar, contrast_row, joint_null, working_series
from uploadtrends.errors import InputError
from uploadtrends.familywise import holm

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Return Benjamini-Hochberg (1995) step-up p-values (false discovery rate)."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise InputError("p-values lie between 0 and 1", value=[float(v) for v in p[known]])
    # Not scipy.stats, whose import takes longer than the check.
    order = np.argsort(p)[: int(known.sum())]
    factors = order.size / np.arange(1, order.size + 1)
    stepped = np.minimum.accumulate((p[order] * factors)[::-1])[::-1]
    adjusted[order] = np.minimum(stepped, 1.0)
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


_LINES = (
    ("p", "unadjusted"),
    ("p_holm", "Holm"),
    ("p_benjamini_hochberg", "Benjamini-Hochberg"),
    ("p_romano_wolf", "Romano-Wolf"),
)


def _rows(outcome: CheckOutcome) -> pd.DataFrame:
    known = outcome.figure_data["p_values"].dropna(subset=["p"])
    return known.sort_values("p").reset_index(drop=True)


def _ranked(axes: Axes, style: Any, rows: pd.DataFrame, _: CheckOutcome) -> None:
    rank = np.arange(1, len(rows) + 1)
    for place, (column, label) in enumerate(_LINES):
        if column in rows and rows[column].notna().any():
            colour, marker, dash = style.look("", place)
            axes.plot(rank, rows[column], color=colour, marker=marker, linestyle=dash, label=label)
    axes.axhline(0.05, color=style.INK, linewidth=0.8)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("p")
    axes.locator_params(axis="x", integer=True)


@dataclass(frozen=True, repr=False)
class Multiplicity(Check):
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

    Notes
    -----
    Per contrast: *passed* if it stays below `alpha` after the adjustment; *failed* if it was
    below only before; *not informative* if it was never below.

    See Also
    --------
    power : What could have been found.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> its.check(ut.multiplicity()).status
    'passed'
    """

    name: ClassVar[str] = "multiplicity"
    question: ClassVar[str] = (
        "Which estimates survive the number of platforms, groups and events tested?"
    )
    weight: ClassVar[Weight | None] = Weight(
        "withdraws", "it does not survive the adjustment for the number of tests", rank=4
    )
    drawing: ClassVar[Sketch | Whole | None] = Sketch(
        layer="p_values",
        draw=_ranked,
        says="P values before and after adjustment; line: .05.",
        by=None,
        below="estimates, in order of their p value",
        legend="row",
        rows=_rows,
    )

    _: KW_ONLY
    method: Literal["holm", "benjamini-hochberg", "romano-wolf"] = "holm"
    term: str | None = None
    n_draws: int = 1999
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ("holm", "benjamini-hochberg", "romano-wolf")
        if self.method not in known:
            raise InputError(
                "unknown adjustment", value=self.method, fix=f"one of {', '.join(known)}"
            )

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        chosen = contrasts(result, term=self.term)
        tested = chosen["status"].isin(USABLE) & chosen["p"].notna()
        p = chosen["p"].where(tested).to_numpy(dtype=float)
        table = chosen[["platform", "group", "event", "label", "term"]].copy()
        table["p"] = p
        table["p_holm"] = holm(p)
        table["p_benjamini_hochberg"] = benjamini_hochberg(p)
        table["p_romano_wolf"] = _romano_wolf_of(result, chosen, self.n_draws, self.seed)
        table["p_adjusted"] = table[f"p_{self.method.replace('-', '_')}"]
        table["method"] = self.method
        table["n_tests"] = int(tested.sum())
        table["status"] = [
            "not applicable"
            if not ok
            else "not informative"
            if before > self.alpha
            else "passed"
            if after <= self.alpha
            else "failed"
            for ok, before, after in zip(tested, p, table["p_adjusted"], strict=True)
        ]
        before, after = (p[tested] <= self.alpha).sum(), (table["status"] == "passed").sum()
        text = (
            f"Of {tested.sum()} estimates {before} have p <= {self.alpha:g} alone and {after} "
            f"after the adjustment for their number "
            f"({'-'.join(part.capitalize() for part in self.method.split('-'))})."
        )
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=text,
            figure_data={"p_values": pd.DataFrame(table)},
        )


multiplicity = Multiplicity


def _romano_wolf_of(result: Any, chosen: pd.DataFrame, n_draws: int, seed: int) -> Array:
    """Return Romano-Wolf p-values of the chosen effects, NaN where there is no estimate."""
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
        p = p_values(every, work.x, np.concatenate(list(rows.values())), work.positions)
        # On the scale of a normal deviate: larger is more extreme.
        z = -ndtri(np.clip(p, 1e-300, 1.0) / 2)
        observed.append(z[0])
        null.append(z[1:])
        places += list(rows)
    adjusted = np.full(len(chosen), np.nan)
    if places:
        adjusted[places] = romano_wolf(np.concatenate(observed), np.concatenate(null, axis=1))
    return adjusted
