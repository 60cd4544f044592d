"""What a change costs: BIC, modified BIC, or every penalty of a range (CROPS)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from uploadtrends.breaks.partition import Errors, exact_partition
from uploadtrends.errors import InputError
from uploadtrends.result import Call, Result


def penalty_value(penalty: str | float, n: int, n_parameters: int) -> tuple[float, bool]:
    """Return the price of a change and whether segment lengths are priced as well.

    Parameters
    ----------
    penalty : {"bic", "mbic"} or float
        ``"bic"``: log n for the date and for every parameter of a segment (Yao 1988).
        ``"mbic"``: one log n more, and log of every segment's length (Zhang & Siegmund 2007).
    n : int
        Number of periods.
    n_parameters : int
        Parameters per segment.

    Raises
    ------
    InputError
        If the penalty is unknown or negative.
    """
    if penalty == "bic":
        return (n_parameters + 1) * float(np.log(n)), False
    if penalty == "mbic":
        return (n_parameters + 2) * float(np.log(n)), True
    if isinstance(penalty, int | float) and not isinstance(penalty, bool) and penalty >= 0:
        return float(penalty), False
    raise InputError(
        "unknown penalty",
        column="penalty",
        value=penalty,
        fix="use calibrated, mbic, bic, crops or a number that is not negative",
    )


@dataclass(frozen=True)
class PathStep:
    """One segmentation that is optimal for penalties from `low` to `high`."""

    low: float
    high: float
    changes: tuple[int, ...]
    cost: float


@dataclass(frozen=True, repr=False, eq=False)
class PenaltyPath(Result):
    """Every optimal segmentation over a range of penalties, for an elbow plot.

    Attributes
    ----------
    steps : tuple of PathStep
        In order of increasing penalty.
    dates : pandas.Index
        Labels of the positions.
    call : Call
    """

    steps: tuple[PathStep, ...]
    dates: pd.Index
    call: Call

    title = "Segmentations by penalty"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segmentation.

        Columns
        -------
        penalty_low, penalty_high : range of penalties for which it is optimal
        n_changes : number of changes
        cost : sum of segment costs, without penalties (the elbow plot is cost by n_changes)
        positions : first position of every new regime
        dates : the same as labels of the series
        """
        return pd.DataFrame(
            {
                "penalty_low": [step.low for step in self.steps],
                "penalty_high": [step.high for step in self.steps],
                "n_changes": [len(step.changes) for step in self.steps],
                "cost": [step.cost for step in self.steps],
                "positions": [step.changes for step in self.steps],
                "dates": [tuple(self.dates[list(step.changes)]) for step in self.steps],
            }
        )

    @property
    def widest(self) -> PathStep:
        """The segmentation that stays optimal over the widest range of log penalties."""
        return max(self.steps, key=lambda step: np.log(step.high / max(step.low, 1e-12)))

    def summary(self) -> str:
        """Say how many segmentations there are and which holds longest."""
        best = self.widest
        return (
            f"{len(self.steps)} segmentations for penalties {self.steps[0].low:.4g} to "
            f"{self.steps[-1].high:.4g}; the one that holds longest has {len(best.changes)} "
            f"changes (penalties {best.low:.4g} to {best.high:.4g})."
        )


def penalty_steps(
    errors: Errors, n: int, low: float, high: float, minimum: int
) -> tuple[PathStep, ...]:
    """Return all optimal segmentations for penalties in ``[low, high]`` (CROPS).

    Haynes, Eckley & Fearnhead (2017): the penalised cost is piecewise linear in the penalty, so
    two solutions with different numbers of changes leave one penalty to try between them.
    """
    if not 0.0 < low < high:
        raise InputError("penalties must rise from above 0", value=(low, high))
    solved: dict[float, tuple[tuple[int, ...], float]] = {}

    def solve(penalty: float) -> tuple[tuple[int, ...], float]:
        if penalty not in solved:
            changes = tuple(exact_partition(errors, n, penalty, minimum))
            bounds = np.array([0, *changes, n])
            solved[penalty] = changes, float(errors(bounds[:-1], bounds[1:]).sum())
        return solved[penalty]

    pending = [(low, high)]
    while pending:
        left, right = pending.pop()
        (many, cost_many), (few, cost_few) = solve(left), solve(right)
        if len(many) <= len(few) + 1:
            continue
        between = (cost_few - cost_many) / (len(many) - len(few))
        if left < between < right and len(solve(between)[0]) != len(few):
            pending += [(left, between), (between, right)]
    best: dict[int, tuple[tuple[int, ...], float]] = {}
    for changes, cost in solved.values():
        if len(changes) not in best or cost < best[len(changes)][1]:
            best[len(changes)] = changes, cost
    counts = sorted(best, reverse=True)
    bounds = [low]
    for more, fewer in pairwise(counts):
        bounds.append((best[fewer][1] - best[more][1]) / (more - fewer))
    bounds.append(high)
    return tuple(PathStep(bounds[i], bounds[i + 1], *best[count]) for i, count in enumerate(counts))
