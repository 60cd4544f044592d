"""Artist-level changes with common shocks: rates by group and period first, then their change.

Errors clustered by artist know nothing of a shock that all artists of a platform share: with one
platform on each side there are two series, however many artists stand behind them. The two-step
says so in its interval (see `shocks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from uploadtrends.arrays import Array
from uploadtrends.artists.cells import cell_effects
from uploadtrends.artists.design import NOT_ON_BOTH_SIDES, ArtistDesign, Spec
from uploadtrends.artists.exposed import ALREADY_TREATED
from uploadtrends.artists.shocks import Prior, Series, ShockFit, integrate_shocks
from uploadtrends.artists.terms import trend_terms
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.effects import COLUMNS
from uploadtrends.models.onset import Onset, place_block
from uploadtrends.series.grid import period_name

METHOD = "poisson by group and period, common shocks integrated out"
FEWEST_PER_SIDE = 6
"""Fewer periods than this before or after an event: no answer."""
ENOUGH_BEFORE = 12
"""Fewer periods than this before an event: an exploratory answer."""
FEWEST_ARTISTS = 5
SHOCK_COLUMNS = (
    *("group", "event", "term", "shock_sd", "phi", "p_no_shock"),
    *("se_without", "low_without", "high_without"),
)


@dataclass(frozen=True)
class Comparison:
    """One series whose change at the events is wanted.

    Attributes
    ----------
    name : str
        "senior vs new", or a group.
    kind : {"own", "within", "between"}
        A group's own change, a contrast inside one platform, a contrast of platforms.
    labels : tuple of int
        The group, and what it is compared with.
    series : Series
    """

    name: str
    kind: Literal["own", "within", "between"]
    labels: tuple[int, ...]
    series: Series

    @property
    def prior(self) -> Prior:
        """Groups of one platform may share all its shocks; anything else has its own."""
        return "half" if self.kind == "within" else "flat"


@dataclass(frozen=True)
class TwoStep:
    """Effects, the shocks behind them, and what to say about both."""

    effects: pd.DataFrame
    shocks: pd.DataFrame
    notes: tuple[str, ...]


def two_step(design: ArtistDesign, spec: Spec, confidence: float) -> TwoStep:
    """Estimate the effects of a design with common shocks integrated out."""
    try:
        found, notes = comparisons(design, spec)
    except NotEstimableError as error:
        return answers(design, spec, [], confidence, failed=str(error))
    return answers(design, spec, found, confidence, notes=notes)


def answers(
    design: ArtistDesign,
    spec: Spec,
    found: list[Comparison],
    confidence: float,
    *,
    failed: str = "",
    notes: Sequence[str] = (),
) -> TwoStep:
    """Return the effects of every series at every block; `failed` says why there is no series."""
    effects, shocks, notes = [], [], list(notes)
    for name, comparison in _wanted(design, spec, found):
        answer = _Answer(design, spec, name, comparison, failed, confidence)
        rows, more = answer.rows()
        effects += rows
        shocks += more
        notes += answer.notes()
    return TwoStep(
        pd.DataFrame(effects, columns=list(COLUMNS)),
        pd.DataFrame(shocks, columns=list(SHOCK_COLUMNS)),
        tuple(notes),
    )


def comparisons(design: ArtistDesign, spec: Spec) -> tuple[list[Comparison], list[str]]:
    """Estimate rates by group and period; return the series to compare, and what was left out."""
    spline = [j for j, name in enumerate(design.names) if name.startswith("tenure spline")]
    cells = cell_effects(design.rows, design.x[:, spline], len(design.labels), len(design.index))
    notes = []
    if cells.dropped:
        gone = ", ".join(design.names[spline[j]] for j in cells.dropped)
        notes.append(f"not identified beside the period effects and dropped: {gone}")
    at_risk = np.zeros(cells.theta.shape, dtype=bool)
    at_risk[design.rows["label"], design.rows["period"]] = True
    for i, name in enumerate(design.labels):
        silent = design.index[at_risk[i] & np.isnan(cells.theta[i])]
        if len(silent):
            dates = ", ".join(str(day.date()) for day in silent[:6])
            more = f" and {len(silent) - 6} more" if len(silent) > 6 else ""
            notes.append(f"'{name}': no upload at all in {dates}{more}; left out")
    return compare(design, spec, cells.theta, cells.influence), notes


def compare(
    design: ArtistDesign,
    spec: Spec,
    theta: Array,
    influence: Array,
    variance: Array | None = None,
) -> list[Comparison]:
    """Return the series that the design asks about: contrasts, and with a trend own courses.

    Parameters
    ----------
    theta : numpy.ndarray, shape (C, T)
    influence : numpy.ndarray, shape (G, C, T)
    variance : numpy.ndarray, shape (C, T), optional
        Working variances of `theta`, independent over periods.
    """
    kind: Literal["within", "between"] = "between" if spec.contrast == "platform" else "within"
    until = len(design.index) if design.reference_until is None else design.reference_until
    early = np.arange(len(design.index)) < until
    found = []
    for i, name in enumerate(design.labels[1:], start=1):
        values = np.where(early, theta[i] - theta[0], np.nan)
        noise = None if variance is None else variance[i] + variance[0]
        series = Series.of(values, influence[:, i] - influence[:, 0], noise)
        found.append(Comparison(f"{name} vs {design.labels[0]}", kind, (i, 0), series))
    if spec.time == "trend":
        for i, name in enumerate(design.labels):
            noise = None if variance is None else variance[i]
            found.append(Comparison(name, "own", (i,), Series.of(theta[i], influence[:, i], noise)))
    return found


def _wanted(
    design: ArtistDesign, spec: Spec, found: list[Comparison]
) -> list[tuple[str, Comparison | None]]:
    known = {comparison.name: comparison for comparison in found}
    names = [f"{name} vs {design.labels[0]}" for name in design.labels[1:]]
    if spec.time == "trend":
        names += design.labels
    return [(name, known.get(name)) for name in names]


class _Answer:
    """The rows of one comparison."""

    def __init__(
        self,
        design: ArtistDesign,
        spec: Spec,
        name: str,
        comparison: Comparison | None,
        failed: str,
        confidence: float,
    ) -> None:
        self.design, self.spec, self.name = design, spec, name
        self.comparison, self.failed, self.confidence = comparison, failed, confidence
        self.refused = dict(design.refused)
        self.short: set[str] = set()
        self.fit: ShockFit | None = None
        self.places: dict[tuple[str, str], int] = {}
        if comparison is not None:
            self._estimate(comparison)

    def _estimate(self, comparison: Comparison) -> None:
        """Choose the terms that these periods can carry, and fit."""
        self.sides = periods_by_side(self.design, self.spec, comparison)
        position = comparison.series.position
        columns = [np.ones(len(position))]
        for block, onset in onsets(self.design, self.spec):
            why = self._why_not(block)
            if why:
                self.refused[block, self.name] = why
                continue
            since = np.maximum(np.arange(len(self.design.index)) - onset.first_full, 0.0)
            for term, shape in (("level", onset.step), ("slope", since)):
                if term in self.spec.terms:
                    self.places[block, term] = len(columns)
                    columns.append(shape[position])
        if not self.places:
            return
        if comparison.kind == "own":
            columns += [values[position] for _, values in trend_terms(self.design.index)]
        x = np.column_stack(columns)
        x = x[:, [j for j in range(x.shape[1]) if j < 1 + len(self.places) or np.ptp(x[:, j]) > 0]]
        size = np.abs(x).max(axis=0)
        if np.linalg.matrix_rank(x / size) < x.shape[1] or len(x) - x.shape[1] < 3:
            self.failed = "the terms cannot be told apart in these periods"
            return
        contrasts = np.eye(x.shape[1])[list(self.places.values())] / size
        self.fit = integrate_shocks(comparison.series, x / size, contrasts, comparison.prior)

    def _why_not(self, block: str) -> str:
        known = self.refused.get((block, "")) or self.refused.get((block, self.name))
        if known:
            return known
        before, after = self.sides[block]
        if min(before, after) == 0:
            return NOT_ON_BOTH_SIDES
        if min(before, after) < FEWEST_PER_SIDE:
            self.short.add(block)
            return (
                f"{before} usable periods before and {after} after, at least {FEWEST_PER_SIDE} of "
                "each are needed to tell an effect from shocks that all artists share"
            )
        return ""

    def rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows of effects and of shocks."""
        effects, shocks = [], []
        for block in self.design.blocks:
            for term in self.spec.terms:
                unit = "log ratio"
                if term == "slope":
                    unit += f", per {period_name(self.design.index)}"
                row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
                row |= {"platform": " and ".join(self.spec.platforms), "group": self.name}
                row |= {"event": block.id, "label": block.label, "term": term}
                row |= {"unit": unit, "method": METHOD}
                place = self.places.get((block.id, term))
                if self.fit is None or place is None:
                    effects.append(row | self._no_answer(block.id))
                    continue
                j = list(self.places.values()).index(place)
                low, high, p = self.fit.interval(j, self.confidence)
                status, reason = self._status(block.id)
                row |= answer_columns(self.fit.moments(j), low, high, p)
                row["minimum_detectable"] = detectable(low, high, self.confidence)
                row["status"] = status
                row["reason"] = "; ".join(part for part in (block.reason, reason) if part)
                effects.append(row)
                shocks.append(self._shock_row(block.id, term, j))
        return effects, shocks

    def _no_answer(self, block: str) -> dict[str, Any]:
        why = self.refused.get((block, ""), self.refused.get((block, self.name), self.failed))
        refused = block in self.short or ALREADY_TREATED in why
        status = "refused" if refused else "not estimable"
        return {"status": status, "reason": why or NOT_ON_BOTH_SIDES}

    def _status(self, block: str) -> tuple[str, str]:
        assert self.comparison is not None  # noqa: S101 - told to the type checker
        reasons = []
        before, after = self.sides[block]
        if before < ENOUGH_BEFORE or after < FEWEST_PER_SIDE:
            reasons.append(f"only {before} usable periods before and {after} after")
        fewest = smaller_side(self.design, self.comparison.labels)
        if fewest < FEWEST_ARTISTS:
            reasons.append(f"only {fewest} artists in a group")
        return ("exploratory" if reasons else "ok"), "; ".join(reasons)

    def _shock_row(self, block: str, term: str, j: int) -> dict[str, Any]:
        assert self.fit is not None  # noqa: S101 - told to the type checker
        value, se = self.fit.without[0][j], self.fit.without[1][j]
        reach = ndtri((1 + self.confidence) / 2) * se
        return {
            "group": self.name,
            "event": block,
            "term": term,
            "shock_sd": self.fit.shock_sd,
            "phi": self.fit.phi,
            "p_no_shock": self.fit.p_none,
            "se_without": se,
            "low_without": value - reach,
            "high_without": value + reach,
        }

    def notes(self) -> list[str]:
        """Return how large the common shocks are, and on how many series an answer rests."""
        if self.comparison is None or self.fit is None:
            return []
        block, term = next(iter(self.places))
        what = f"the {term} at {block}"
        return shock_notes(self.comparison, self.fit, 0, self.confidence, self.design, what)


def shock_notes(
    comparison: Comparison,
    fit: ShockFit,
    j: int,
    confidence: float,
    design: ArtistDesign,
    what: str,
) -> list[str]:
    """Return sentences on the common shocks behind contrast `j`, which is called `what`."""
    reach = ndtri((1 + confidence) / 2) * fit.without[1][j]
    low, high = (100 * np.expm1(fit.without[0][j] + sign * reach) for sign in (-1, 1))
    share = "a platform" if comparison.kind == "between" else "a group"
    said = (
        f"{comparison.name}: shocks common to all artists of {share}: sd "
        f"{100 * fit.shock_sd:.0f}% a {period_name(design.index)}; without them the interval of "
        f"{what} would be {low:+.0f}% to {high:+.0f}%"
    )
    if comparison.kind == "within":
        return [said + f" (probability that there are none: {fit.p_none:.2f})"]
    if comparison.kind == "own":
        return [said, f"{comparison.name}: its own change rests on one series and a straight trend"]
    return [
        said,
        f"{comparison.name}: this comparison rests on two series, one a platform, however many "
        "artists stand behind them",
    ]


def onsets(design: ArtistDesign, spec: Spec) -> list[tuple[str, Onset]]:
    """Return the blocks that lie inside the data, with where they fall."""
    found = []
    for block in design.blocks:
        if (block.id, "") in design.refused:
            continue
        onset = place_block(block, design.index, spec.boundary)  # type: ignore[arg-type]
        if onset is not None:
            found.append((block.id, onset))
    return found


def periods_by_side(
    design: ArtistDesign, spec: Spec, comparison: Comparison
) -> dict[str, tuple[int, int]]:
    """Count the periods before and after each block, up to the neighbouring blocks."""
    placed = [
        (name, onset)
        for name, onset in onsets(design, spec)
        if (name, comparison.name) not in design.refused
    ]
    position = comparison.series.position
    starts = [-1, *(onset.touched for _, onset in placed), len(design.index)]
    counts = {name: (0, 0) for name, _ in onsets(design, spec)}
    for i, (name, onset) in enumerate(placed, start=1):
        step: NDArray[np.float64] = onset.step[position]
        before = (step == 0) & (position >= starts[i - 1])
        after = (step > 0) & (position < starts[i + 1])
        counts[name] = int(before.sum()), int(after.sum())
    return counts


def smaller_side(design: ArtistDesign, labels: tuple[int, ...]) -> int:
    """Count the artists of the smallest of some groups of the design."""
    sizes = design.rows.groupby("label")["artist"].nunique()
    return int(min(sizes.get(i, 0) for i in labels))


def answer_columns(
    moments: tuple[float, float], low: float, high: float, p: float
) -> dict[str, float]:
    """Return the columns of an answer in log ratios and in percent."""
    value, se = moments
    return {
        "estimate": value,
        "se": se,
        "low": low,
        "high": high,
        "p": p,
        "relative": float(100 * np.expm1(value)),
        "relative_low": float(100 * np.expm1(low)),
        "relative_high": float(100 * np.expm1(high)),
    }


def detectable(low: float, high: float, confidence: float) -> float:
    """Return the smallest effect found with 80% power, from the half-width of the interval."""
    quantile = ndtri((1 + confidence) / 2)
    return float((high - low) / 2 * (1 + ndtri(0.8) / quantile))
