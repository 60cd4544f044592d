"""The calibrated default on at most 2,000 observed periods: gate, partition, label, every cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.costs import LinearCost, MeanCost
from uploadtrends.breaks.likelihood.calibrated import Counts, Gate, gate, noise_variance
from uploadtrends.breaks.likelihood.each import choose_family, test_each, variance_beside_next
from uploadtrends.breaks.likelihood.smooth import smooth_course
from uploadtrends.breaks.likelihood.spacing import Spacing
from uploadtrends.breaks.partition import Errors, best_split, cost_table, exact_partition

EDGE = 3.0  # how much better than the best smooth course a dated change has to be
SHORT = 300  # rows up to which a table of all segments is cheaper than calls
CHANGE, UNDECIDED, BEND = "change", "change or smooth course", "smooth bend"


@dataclass(frozen=True)
class Analysis:
    """What was found.

    Attributes
    ----------
    gate : Gate
    positions : tuple of int
        Rows of the cuts of the best segmentation, ascending; empty where the gate stayed shut.
    p : dict of int to float
        The p-value of every cut.
    confirmed : tuple of int
        Cuts that are beyond chance.
    label : str
        ``"change"``, ``"change or smooth course"``, ``"smooth bend"``; empty where the gate stayed
        shut.
    course : array of shape (n,) or None
        The best smooth course where a change does not clearly beat it.
    """

    gate: Gate
    positions: tuple[int, ...]
    p: dict[int, float]
    confirmed: tuple[int, ...]
    label: str
    course: Array | None

    def holds(self, position: int) -> bool:
        """Tell whether a cut is a confirmed change."""
        return self.label == CHANGE and position in self.confirmed


def analyse(
    values: Array,
    times: Array,
    *,
    variance: Callable[[str], float | None],
    mean_count: float | None,
    counted: float,
    trend: bool,
    level: float,
    minimum: int,
    seed: int,
) -> Analysis:
    """Run the gate, and where it opens, partition, compare with smooth courses, test every cut.

    Parameters
    ----------
    values, times : arrays of shape (n,)
        Observed values and their periods.
    variance : callable
        Takes the null ("constant" or "line"); the noise variance that scales the partition, or
        None for that of `values`.
    mean_count : float, optional
        Mean of the counts, if these are counts.
    counted : float
        Share of a Poisson variance that is left in `values` (block means: one over their length).
    minimum : int
        Shortest regime, in rows.
    """
    spread = float(values.std())
    standard = (values - values.mean()) / spread
    spacing = Spacing.of(times)
    counts = None
    if mean_count is not None:
        counts = Counts(mean_count, mean_count * counted / spread**2)
    found = gate(standard, spacing, level=level, trend=trend, counts=counts, seed=seed)
    if not found.change:
        return Analysis(found, (), {}, (), "", None)
    noise = variance(found.null)
    scale = noise_variance(standard, found.null, times) if noise is None else noise / spread**2
    positions = change_positions(standard, times, found, scale, trend=trend, minimum=minimum)
    label, course = CHANGE, None
    if trend:
        label, course = _against_smooth(standard, spacing, found, positions)
    tested = test_each(
        standard, spacing, positions, gate_p=found.p, level=level, trend=trend, seed=seed
    )
    if course is not None:
        course = values.mean() + spread * course
    return Analysis(found, positions, tested.p, tested.confirmed, label, course)


def change_positions(
    standard: Array, times: Array, found: Gate, variance: float, *, trend: bool, minimum: int
) -> tuple[int, ...]:
    """Return the cuts of the best segmentation of a series that went through the gate.

    The noise variance is that of the hypothesis of no change, changes included, so that smooth
    curves are not cut to pieces; a change costs log n for its level, its slope (with `trend`) and
    its date. Without `trend` there are no curves, and large steps must not hide small ones: while
    one step more is worth its price, the variance is that beside it.
    """
    n = len(standard)
    steps = np.flatnonzero(np.abs(np.diff(standard)) > 1e-9) + 1
    if np.diff(steps, prepend=0, append=n).min() >= max(minimum, n // 10):
        # Nothing but steps: without noise, that of the null would hide the small ones.
        return tuple(int(row) for row in steps)
    gapless = times[-1] - times[0] == n - 1
    cost = (LinearCost(None if gapless else times) if trend else MeanCost()).fit(standard)
    price = (3.0 if trend else 2.0) * float(np.log(n))
    errors: Errors = cost.errors
    if n <= SHORT:  # all segments in one call
        table = cost_table(cost.errors, n, minimum)
        errors = lambda starts, ends: table[starts, ends]  # noqa: E731
    positions = tuple(exact_partition(errors, n, price * variance, minimum))
    while positions and not trend:
        left = variance_beside_next(standard, Spacing.of(times), positions)
        finer = tuple(exact_partition(errors, n, price * min(variance, left), minimum))
        if len(finer) <= len(positions):
            break
        positions = finer
    if positions:
        return positions
    bounds = [0, *found.dates, n]
    if min(high - low for low, high in pairwise(bounds)) >= minimum or n < 2 * minimum:
        return found.dates
    return (best_split(cost.errors, 0, n, minimum)[0],)


def _against_smooth(
    standard: Array, spacing: Spacing, found: Gate, positions: tuple[int, ...]
) -> tuple[str, Array | None]:
    """Return the label of the change, and the smooth course where the label names one."""
    log_n = float(np.log(spacing.n))
    course = smooth_course(standard, spacing)
    changes = [float(found.shift.change[0]) + 3.0 * log_n]
    if found.line is not None:
        changes.append(float(found.line.change[0]) + 3.0 * log_n)
    _, price = choose_family(standard, spacing, positions, trend=True)
    changes.append(price + len(positions) * log_n)
    edge = course.criterion - min(changes)
    if edge > EDGE:
        return CHANGE, None
    return (UNDECIDED if edge >= -EDGE else BEND), course.fitted(standard, spacing)
