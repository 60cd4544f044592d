"""Exposed artists and never exposed ones who looked alike until then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.artists.exposures import LATER, NEVER, TREATED, Exposure
from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number
from uploadtrends.panel.ready import KEY, UnitTable, rows_by_period
from uploadtrends.result import Call, Result

Method = Literal["nearest", "coarsened"]

_WINDOW = re.compile(r"^(.+)_last_(\d+)m$")
_WINDOWED = ("uploads", "active", "media")
_BALANCED = 0.1


@dataclass(frozen=True, eq=False)
class Matched(Result):
    """Exposed artists with their matches.

    Attributes
    ----------
    exposure : Exposure
        Restricted to the artists that were matched.
    pairs : pandas.DataFrame
        cohort, platform, artist_id (exposed), match_platform, match_id, distance.
    balance : pandas.DataFrame
        covariate, exposed, others, matched (means), before, after (standardised differences: over
        the standard deviation of the exposed).
    support : pandas.DataFrame
        cohort, exposed, candidates, matched, outside (exposed without anybody like them).
    notes : tuple of str
    call : Call
    """

    exposure: Exposure = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    balance: pd.DataFrame
    support: pd.DataFrame
    notes: tuple[str, ...]
    call: Call

    title = "Matched artists: balance of exposed and others"

    def to_frame(self) -> pd.DataFrame:
        """Return the balance table (a copy)."""
        return self.balance.copy()

    def summary(self) -> str:
        """Say how many were matched, and how alike they are."""
        exposed, matched = int(self.support["exposed"].sum()), int(self.support["matched"].sum())
        after = self.balance["after"].abs().to_numpy()
        worst = int(after.argmax())
        lines = [
            f"{matched} of {exposed} exposed artists have matches among "
            f"{self.pairs['match_id'].nunique()} others; the largest standardised difference falls "
            f"from {self.balance['before'].abs().max():.2f} to {after[worst]:.2f} "
            f"({self.balance['covariate'].iloc[worst]})."
        ]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def matched(
    exposure: Exposure,
    on: Sequence[str] = ("tenure", "uploads_last_6m"),
    *,
    method: Method = "nearest",
    ratio: int = 1,
    caliper: float = 0.5,
    bins: int = 5,
    seed: int = 0,
) -> Matched:
    """Match exposed artists to others who looked alike just before the exposure.

    Everybody who is exposed at one date is compared with never (or not yet) exposed artists by what
    is known at that date. A match is used once. Matching on paths before exposure balances what was
    measured, nothing else.

    Parameters
    ----------
    exposure : Exposure
    on : sequence of str
        "tenure" (months since the first upload), "uploads_last_6m", "active_last_6m" (periods with
        an upload), "media_last_6m", with any number of months. Of a ready table: a column of
        numbers (its value in the period before), or "y_last_6m" for the sum of the column "y" over
        six months (six periods, where these are numbered).
    method : {"nearest", "coarsened"}
        Nearest neighbours in standardised covariates, in random order without replacement; or
        everybody in the same cell of coarsened covariates (Iacus, King & Porro 2012), thinned to
        `ratio` a cell and exposed artist.
    ratio : int
        Matches for every exposed artist.
    caliper : float
        Largest distance in any one covariate, in standard deviations of the exposed ("nearest").
    bins : int
        Quantile bins of each covariate ("coarsened").
    seed : int
        Of the order in which exposed artists choose.

    Raises
    ------
    InputError
        For an unknown covariate, or where nobody can be matched.

    See Also
    --------
    exposure : Who was exposed from when.
    exposure_effects : Takes what this returns.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import training_set
    >>> world = training_set(80)
    >>> panel = ut.build_panel(world.population, start="2019-01-01")
    >>> exposed = ut.exposure(panel, world.treated_from)
    >>> pairs = ut.matched(exposed)
    >>> sorted(pairs.balance.columns)[:2]
    ['after', 'before']
    """
    call = Call.of(
        {"on": list(on), "method": method, "ratio": ratio, "caliper": caliper, "bins": bins}
        | {"seed": seed},
        exposure,
        function="matched",
    )
    _check(on, method, caliper)
    ratio, bins = whole_number("ratio", ratio, 1), whole_number("bins", bins, 2)
    rng = np.random.default_rng(whole_number("seed", seed))
    rows = _measured(exposure, on)
    free = set(map(tuple, _of_kind(exposure, NEVER, LATER)[KEY].to_numpy()))
    pairs, support, before, after = [], [], [], []
    for date, cohort in _of_kind(exposure, TREATED).groupby("treated_from"):
        known = covariates(rows, date, on)
        exposed = known.reindex(pd.MultiIndex.from_frame(cohort[KEY])).dropna()
        others = known[[key in free for key in known.index]].dropna()
        before.append((exposed, others))
        found = _choose(exposed, others, method, ratio, caliper, bins, rng)
        free -= {match for _, match, _ in found}
        pairs += [(date, *mine, *match, distance) for mine, match, distance in found]
        chosen = pd.MultiIndex.from_tuples([m for _, m, _ in found], names=KEY) if found else None
        taken = {mine for mine, _, _ in found}
        if chosen is not None:
            after.append((exposed[[k in taken for k in exposed.index]], others.loc[chosen]))
        support.append((date, len(cohort), len(others), len(taken), len(cohort) - len(taken)))
    if not pairs:
        raise InputError(
            "no exposed artist has anybody like them among the others",
            column="on",
            value=list(on),
            fix="widen the caliper, use fewer covariates or bins, or more artists",
        )
    names = ["cohort", *KEY, "match_platform", "match_id", "distance"]
    table = pd.DataFrame(pairs, columns=names)
    kept = pd.concat([table[KEY], table[["match_platform", "match_id"]].set_axis(KEY, axis=1)])
    reach = pd.DataFrame(support, columns=["cohort", "exposed", "candidates", "matched", "outside"])
    balance = _balance(list(on), before, after)
    return Matched(exposure.only(kept), table, balance, reach, _notes(balance, reach), call)


def _check(on: Sequence[str], method: str, caliper: float) -> None:
    if not on:
        raise InputError("nothing to match on", column="on", value=list(on))
    if method not in ("nearest", "coarsened"):
        raise InputError(
            "unknown way to match", column="method", value=method, fix="'nearest' or 'coarsened'"
        )
    if not caliper > 0:
        raise InputError("must be above zero", column="caliper", value=caliper, fix="use .5")


def _measured(exposure: Exposure, on: Sequence[str]) -> pd.DataFrame:
    """Return the rows of artists by period with the columns behind the covariates."""
    panel, rows = exposure.panel, rows_by_period(exposure.panel)
    for name in on:
        window = _WINDOW.match(name)
        if isinstance(panel, UnitTable):
            column = window[1] if window and name not in panel.values else name
            rows = rows.assign(**{column: panel.measured(column, "on")})
        elif name != "tenure" and (window is None or window[1] not in _WINDOWED):
            raise InputError(
                "unknown covariate to match on",
                column="on",
                value=name,
                fix="use tenure, uploads_last_6m, active_last_6m, media_last_6m (any months)",
            )
    return rows


def _of_kind(exposure: Exposure, *kinds: str) -> pd.DataFrame:
    return exposure.table[exposure.table["kind"].isin(kinds)]


def covariates(rows: pd.DataFrame, date: Any, on: Sequence[str]) -> pd.DataFrame:
    """Return what is known of every artist just before a date; index (platform, artist_id).

    Artists who were not at risk in the period before have no row.
    """
    past = rows[rows["period"] < date]
    known = past[past["period"] == past["period"].max()].set_index(KEY)
    known = known.rename(columns={"tenure_months": "tenure"})
    columns = {}
    for name in on:
        found = _WINDOW.match(name)
        if found is None or name in known:
            columns[name] = known[name]
            continue
        months = int(found[2])
        since = date - (pd.DateOffset(months=months) if isinstance(date, pd.Timestamp) else months)
        window = past[past["period"] >= since]
        active = found[1] == "active" and "active" not in rows  # periods with an upload
        values = (window["uploads"] > 0).astype(float) if active else window[found[1]]
        total = values.groupby([window["platform"], window["artist_id"]]).sum()
        columns[name] = total.reindex(known.index)
    return pd.DataFrame(columns, index=known.index)


_Pair = tuple[tuple[str, str], tuple[str, str], float]


def _choose(
    exposed: pd.DataFrame,
    others: pd.DataFrame,
    method: Method,
    ratio: int,
    caliper: float,
    bins: int,
    rng: np.random.Generator,
) -> list[_Pair]:
    if exposed.empty or others.empty:
        return []
    mine, theirs = exposed.to_numpy(dtype=float), others.to_numpy(dtype=float)
    scale = np.where(mine.std(axis=0) > 0, mine.std(axis=0), 1.0)
    mine, theirs = mine / scale, theirs / scale
    cells = _cells(mine, theirs, bins) if method == "coarsened" else None
    free = np.ones(len(theirs), dtype=bool)
    found: list[_Pair] = []
    for i in rng.permutation(len(mine)):
        if cells is None:
            near = np.abs(theirs - mine[i]).max(axis=1) <= caliper
        else:
            near = (cells[1] == cells[0][i]).all(axis=1)
        candidates = np.flatnonzero(near & free)
        if len(candidates) < ratio:
            continue
        distance = np.sqrt(((theirs[candidates] - mine[i]) ** 2).sum(axis=1))
        for j in np.argsort(distance, kind="stable")[:ratio]:
            other = candidates[j]
            free[other] = False
            found.append((exposed.index[i], others.index[other], float(distance[j])))
    return found


def _cells(mine: Array, theirs: Array, bins: int) -> tuple[Array, Array]:
    """Return the cell of every artist by quantiles of the exposed."""
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = [np.unique(np.quantile(column, inner)) for column in mine.T]

    def place(values: Array) -> Array:
        columns = [
            np.searchsorted(e, v, side="right") for e, v in zip(edges, values.T, strict=True)
        ]
        return np.column_stack(columns)

    return place(mine), place(theirs)


def _balance(
    on: list[str],
    before: list[tuple[pd.DataFrame, pd.DataFrame]],
    after: list[tuple[pd.DataFrame, pd.DataFrame]],
) -> pd.DataFrame:
    exposed = pd.concat([mine for mine, _ in before])
    # Everybody else as seen at each date, weighted by how many were exposed then.
    weights = np.array([len(mine) for mine, _ in before], dtype=float)
    means = np.array([others.mean().to_numpy() for _, others in before])
    others = np.nansum(weights[:, None] * means, axis=0) / weights.sum()
    kept, match = (pd.concat([pair[i] for pair in after]) for i in (0, 1))
    spread = exposed.std(ddof=0).replace(0, 1.0).to_numpy()
    mine = exposed.mean().to_numpy()
    return pd.DataFrame(
        {
            "covariate": on,
            "exposed": mine,
            "others": others,
            "matched": match.mean().to_numpy(),
            "before": (mine - others) / spread,
            "after": (kept.mean().to_numpy() - match.mean().to_numpy()) / spread,
        }
    )


def _notes(balance: pd.DataFrame, support: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    outside = int(support["outside"].sum())
    if outside:
        notes.append(
            f"{outside} exposed artists have nobody like them and are left out: effects are those "
            "on artists inside the common support"
        )
    far = balance[balance["after"].abs() > _BALANCED]
    if len(far):
        names = ", ".join(far["covariate"])
        notes.append(f"still apart by more than {_BALANCED:g} standard deviations: {names}")
    return tuple(notes)
