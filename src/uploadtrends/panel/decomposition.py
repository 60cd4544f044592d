"""Split the change of uploads between two windows into who came, who left and who did less.

With N artists present per period, group shares s_g, activity shares a_g (of those present, how many
upload in a period) and intensities i_g (uploads of an active artist in a period),

    uploads per period = sum over groups of N * s_g * a_g * i_g.

An artist is present from the period of the first upload to that of the last one on record, so that
the change of N is the sum of what entrants add and what exits take away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.arrays import Array
from uploadtrends.engines import Engine
from uploadtrends.errors import InputError
from uploadtrends.panel.contributions import Contributions, contributions
from uploadtrends.panel.records import Records
from uploadtrends.panel.seniority import Seniority
from uploadtrends.result import Call, Result
from uploadtrends.series.periods import floor

COMPONENTS = ("entrants", "exits", "composition", "activity share", "intensity")
RULES = {
    "lmdi": "logarithmic mean Divisia index, additive (Ang 2005), zeros by their analytical limits "
    "(Ang & Liu 2007)",
    "shapley": "Shapley value: the mean over all orders of changing one factor after the other",
}


@dataclass(frozen=True, eq=False)
class Decomposition(Result):
    """A change of uploads per period, split without remainder.

    Attributes
    ----------
    table : pandas.DataFrame
        platform, group ("all" and each group), component (before, entrants, exits, composition,
        activity share, intensity, change, after), value (uploads per period), low, high,
        percent (of the uploads before). The five components sum to the change. A single group is
        split by its own numbers, so that it has no composition. An artist counts as gone after the
        last upload on record: silence shortly before the end of the data looks like an exit.
    rule : str
        "lmdi" or "shapley".
    call : Call
    """

    table: pd.DataFrame
    rule: str
    call: Call

    title = "Decomposition of a change"

    def to_frame(self) -> pd.DataFrame:
        """Return the table (a copy)."""
        return self.table.copy()

    def summary(self) -> str:
        """Say in one sentence where the change came from, and by which rule."""
        rows: dict[str, Any] = {
            str(row["component"]): row
            for row in self.table[self.table["group"] == "all"].to_dict("records")
        }
        start = rows["before"]["value"]
        parts = [
            f"{name} {rows[name]['percent']:+.0f}% "
            f"[{100 * rows[name]['low'] / start:+.0f}, {100 * rows[name]['high'] / start:+.0f}]"
            for name in COMPONENTS
        ]
        return (
            f"Uploads per period on {rows['before']['platform']} went from {start:.4g} to "
            f"{rows['after']['value']:.4g} ({rows['change']['percent']:+.0f}%): "
            f"{', '.join(parts)}. Rule: {RULES[self.rule]}."
        )


def decompose_change(
    records: Records,
    seniority: Seniority | None,
    recipe: Mapping[str, Any],
    before: tuple[str, str],
    after: tuple[str, str],
    rule: str = "lmdi",
    *,
    platform: str,
    n_bootstrap: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
    engine: Engine | None = None,
) -> Decomposition:
    """Split the change of uploads between two windows.

    Parameters
    ----------
    records : Records
        With artists.
    seniority : Seniority, optional
        Its groups give the composition.
    recipe : mapping
        Of the panel: period and unit.
    before, after : (str, str)
        First and last day of each window. Periods not seen in full are left out.
    rule : {"lmdi", "shapley"}
        How the change of a product is shared among its factors; neither depends on an order.
    platform : str
        One that has artists.
    n_bootstrap : int
        Bootstrap samples of artists for the intervals; 0 for none. Above 50,000 artists, samples
        of random groups of them (Wolter 2007, ch. 2), so that no row an artist leaves the engine.
    confidence : float
        Of the percentile intervals.
    seed : int
        Seed of the bootstrap.
    engine : Engine, optional
        Where the SQL runs.

    Raises
    ------
    InputError
        For windows that overlap or hold no period, an unknown rule, or tenure by period.
    """
    call = Call.of(locals(), records, function="decompose")
    if rule not in RULES:
        raise InputError(
            "unknown decomposition rule", column="rule", value=rule, fix="'lmdi' or 'shapley'"
        )
    if seniority is not None and seniority.by_period:
        raise InputError(
            "with tenure by period, artists change groups inside a window",
            column="seniority",
            value="period",
            fix="use a rule at a date: panel.with_seniority(Seniority(at='2022-01-01'))",
        )
    windows = [
        _window(records, recipe["period"], platform, span, name)
        for name, span in (("before", before), ("after", after))
    ]
    if windows[0][-1] >= windows[1][0]:
        raise InputError("the windows overlap", column="after", value=after)
    added = contributions(records, seniority, recipe, platform, windows, engine)
    groups, sums = added.groups, resampled(added, n_bootstrap, seed)
    parts = [split_change(sums, rule).sum(axis=2)]
    if len(groups) > 1:
        parts += [split_change(sums[:, :, [g]], rule)[:, :, 0] for g in range(len(groups))]
    table = _table(platform, groups, sums, parts, confidence, n_bootstrap)
    return Decomposition(table, rule, call)


def _window(
    records: Records, period: str, lane: str, span: tuple[str, str], name: str
) -> list[dt.date]:
    try:
        first, last = (floor(dt.date.fromisoformat(text), period) for text in span)
    except (TypeError, ValueError) as error:
        raise InputError(
            "a window is a first and a last day",
            column=name,
            value=span,
            fix="write ('2021-01-01', '2021-12-31')",
        ) from error
    days = records.complete.filter(
        (pl.col("lane") == lane) & pl.col("complete") & pl.col("period").is_between(first, last)
    )
    if days.height == 0:
        raise InputError("no fully seen period lies in the window", column=name, value=span)
    return days["period"].sort().to_list()


def resampled(added: Contributions, n_bootstrap: int, seed: int) -> Array:
    """Return sums over all artists and over bootstrap samples of the units that hold them.

    Returns
    -------
    numpy.ndarray, shape (1 + n_bootstrap, 10, n_groups)
    """
    rng = np.random.default_rng(seed)
    n = added.units.shape[0]
    flat = added.units.reshape(n, -1)
    sums = np.empty((n_bootstrap + 1, flat.shape[1]))
    sums[0] = added.whole.ravel()
    for i in range(1, n_bootstrap + 1):
        sums[i] = np.bincount(rng.integers(n, size=n), minlength=n) @ flat
    return sums.reshape(n_bootstrap + 1, *added.units.shape[1:])


def split_change(sums: Array, rule: str) -> Array:
    """Split the change of each group's uploads into the five `COMPONENTS`.

    Parameters
    ----------
    sums : numpy.ndarray, shape (n_replicates, 10, n_groups)
        Sums over artists of entered, gone, present, active, uploads; before, then after.
    rule : {"lmdi", "shapley"}

    Returns
    -------
    numpy.ndarray, shape (n_replicates, 5, n_groups)
        Sums over the second axis to the change of uploads.
    """
    factors = []
    for start in (0, 5):
        came, gone, present, active, uploads = (sums[:, start + j] for j in range(5))
        total = present.sum(axis=1, keepdims=True)
        factors.append(
            {
                "came": came.sum(axis=1, keepdims=True),
                "gone": gone.sum(axis=1, keepdims=True),
                "present": total,
                "composition": _ratio(present, total),
                "activity share": _ratio(active, present),
                "intensity": _ratio(uploads, active),
            }
        )
    # A share that does not exist in one window (nobody there) is taken as in the other.
    for name in ("composition", "activity share", "intensity"):
        one, other = factors[0][name], factors[1][name]
        factors[0][name] = np.where(np.isnan(one), np.nan_to_num(other), one)
        factors[1][name] = np.where(np.isnan(other), np.nan_to_num(one), other)
    return _lmdi(*factors) if rule == "lmdi" else _shapley(*factors)


def _ratio(top: Array, bottom: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(bottom > 0, top / bottom, np.nan)
    return ratio


def _log_mean(one: Array, other: Array) -> Array:
    """Return the logarithmic mean, (x - y) / log(x / y); x where both are equal; 0 where one is."""
    positive = (one > 0) & (other > 0)
    safe_one, safe_other = np.where(positive, one, 1.0), np.where(positive, other, 1.0)
    log = np.log(safe_one / safe_other)
    near = np.abs(log) < 1e-8
    mean = np.where(
        near, (safe_one + safe_other) / 2, (safe_one - safe_other) / np.where(near, 1, log)
    )
    result: Array = np.where(positive, mean, 0.0)
    return result


def _lmdi(before: dict[str, Array], after: dict[str, Array]) -> Array:
    names = ("composition", "activity share", "intensity")
    uploads = [
        window["present"] * window["composition"] * window["activity share"] * window["intensity"]
        for window in (before, after)
    ]
    weight = _log_mean(*uploads)
    # ln(N1 / N0) = (N1 - N0) / L(N1, N0): the change of N is additive in entrants and exits.
    scale = _log_mean(before["present"], after["present"])
    both = scale > 0
    per_artist = np.where(both, weight / np.where(both, scale, 1), 0.0)
    entrants = per_artist * (after["came"] - before["came"])
    exits = -per_artist * (after["gone"] - before["gone"])
    parts = [entrants, exits]
    for name in names:
        one, other = before[name], after[name]
        both = (one > 0) & (other > 0)
        ratio = np.where(both, other, 1.0) / np.where(both, one, 1.0)
        parts.append(weight * np.log(ratio))
    result = np.stack(parts, axis=1)
    # Where uploads come from or go to nothing, the limit gives all to the factor that is zero.
    nothing = (uploads[0] == 0) ^ (uploads[1] == 0)
    change = uploads[1] - uploads[0]
    blame = np.full(change.shape, 4)
    for place, name in ((3, "activity share"), (2, "composition")):
        blame = np.where((before[name] == 0) | (after[name] == 0), place, blame)
    empty = np.broadcast_to((before["present"] == 0), change.shape)
    blame = np.where(empty, 0, blame)
    blame = np.where(np.broadcast_to(after["present"] == 0, change.shape), 1, blame)
    limit = np.where(np.arange(5)[None, :, None] == blame[:, None, :], change[:, None, :], 0.0)
    split: Array = np.where(nothing[:, None, :], limit, result)
    return split


def _shapley(before: dict[str, Array], after: dict[str, Array]) -> Array:
    def value(changed: tuple[int, ...]) -> Array:
        pick = [after if i in changed else before for i in range(5)]
        present = pick[0]["came"] - pick[1]["gone"]
        uploads: Array = (
            np.maximum(present, 0)
            * pick[2]["composition"]
            * pick[3]["activity share"]
            * pick[4]["intensity"]
        )
        return uploads

    known = {
        players: value(players) for size in range(6) for players in combinations(range(5), size)
    }
    parts = []
    for i in range(5):
        total = np.zeros_like(known[()])
        for players, worth in known.items():
            if i not in players:
                share = factorial(len(players)) * factorial(4 - len(players)) / factorial(5)
                total = total + share * (known[tuple(sorted((*players, i)))] - worth)
        parts.append(total)
    return np.stack(parts, axis=1)


def _table(
    lane: str,
    groups: list[str],
    sums: Array,
    parts: list[Array],
    confidence: float,
    n_bootstrap: int,
) -> pd.DataFrame:
    before, after = sums[:, 4], sums[:, 9]
    blocks = [("all", before.sum(1), after.sum(1), parts[0])]
    blocks += [
        (name, before[:, g], after[:, g], part)
        for g, (name, part) in enumerate(zip(groups, parts[1:], strict=False))
    ]
    tail = (1 - confidence) / 2
    rows: list[dict[str, Any]] = []
    for name, start, end, split in blocks:
        values = {"before": start}
        values |= {component: split[:, i] for i, component in enumerate(COMPONENTS)}
        values |= {"change": end - start, "after": end}
        for component, draws in values.items():
            low, high = (
                np.quantile(draws[1:], [tail, 1 - tail]) if n_bootstrap else (np.nan, np.nan)
            )
            percent = 100 * draws[0] / start[0] if start[0] else np.nan
            rows.append(
                {
                    "platform": lane,
                    "group": name,
                    "component": component,
                    "value": draws[0],
                    "low": low,
                    "high": high,
                    "percent": percent,
                }
            )
    return pd.DataFrame(rows)
