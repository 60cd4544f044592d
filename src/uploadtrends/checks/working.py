"""The regression behind each estimate, so that a check can refit it thousands of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.checks.nulls import FittedNull, fit_null
from uploadtrends.errors import InputError
from uploadtrends.models.terms import TERMS

if TYPE_CHECKING:
    from uploadtrends.models.design import Design
    from uploadtrends.models.preparation import Prepared


@dataclass(frozen=True)
class Working:
    """One series as a Gaussian regression with AR(1) errors.

    Attributes
    ----------
    platform, group : str
    index : pandas.DatetimeIndex
        N periods.
    response : array (N,)
        On the model's scale; NaN where a period does not enter the fit.
    design : Design
        As the model built it.
    scale : {"log", "level", "counts"}
        Counts enter as log(count + 1/2): a working approximation, good enough to redraw noise.
    """

    platform: str
    group: str
    index: pd.DatetimeIndex
    response: Array
    design: Design
    scale: str
    empty: NDArray[np.bool_] = field(repr=False)
    """(N,) periods with a value of zero."""
    spread: Array
    """(N,) relative size of the errors, as the fit has them."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """Positions of the periods that enter the fit."""
        return np.flatnonzero(~np.isnan(self.response))

    @property
    def weighted(self) -> Array:
        """(N,) the response divided by the size of its errors, which then have one size."""
        return np.asarray(self.response / self.spread)

    @property
    def matrix(self) -> Array:
        """(N, k) the design, divided likewise."""
        return np.asarray(self.design.matrix / self.spread[:, None])

    @property
    def y(self) -> Array:
        """The weighted response of the periods that enter the fit."""
        return self.weighted[self.rows]

    @property
    def x(self) -> Array:
        """The weighted design of those periods."""
        return self.matrix[self.rows]

    @property
    def positions(self) -> Array:
        """Calendar positions of those periods, as floats."""
        return self.rows.astype(float)


MOST_ZEROS = 0.5
"""Share of zeros above which a regression with Gaussian errors says little of a course."""


def too_sparse(work: Working, stop: int) -> str:
    """Return why the periods before `stop` cannot carry a working regression; empty if they can."""
    rows = work.rows[work.rows < stop]
    values = work.response[rows]
    if rows.size and np.ptp(values) == 0:
        return "the series never changes before the event"
    zeros = float(work.empty[rows].mean()) if rows.size else 0.0
    if zeros > MOST_ZEROS:
        return f"{zeros:.0%} of the periods before the event are zero"
    return ""


def working(prepared: Prepared) -> Working:
    """Return the working regression of a prepared series."""
    response = np.full(len(prepared.observed), np.nan)
    used = prepared.design.used
    if prepared.choice.scale == "counts":
        values = prepared.observed.to_numpy(dtype=float)
        response[used] = np.log(values[used] + 0.5) - prepared.offset[used]
    else:
        response[used] = prepared.y
    return Working(
        prepared.item.platform,
        prepared.item.group,
        pd.DatetimeIndex(prepared.observed.index),
        response,
        prepared.design,
        prepared.choice.scale,
        prepared.observed.to_numpy(dtype=float) == 0,
        np.ones(len(response)) if prepared.spread is None else prepared.spread,
    )


def working_series(result: Any) -> dict[tuple[str, str], Working]:
    """Return the working regression of every fitted series of a result, by platform and group."""
    return {
        (fit.platform, fit.group): working(fit.prepared)
        for fit in result.fits
        if fit.status != "refused"
    }


def contrast_row(design: Design, event: str, term: str) -> Array | None:
    """Return the row (1, k) that turns coefficients into a term of a block.

    None if the block is not in the design, or the term is not linear in the coefficients.

    Parameters
    ----------
    design : Design
    event : str
        Block id.
    term : str
        level, slope, pulse, effect_3m (any number of months) or effect_end.

    Raises
    ------
    InputError
        If the term has no such form.
    """
    if event not in design.columns:
        return None
    if term in design.columns[event]:
        return design.term_row(event, term)
    if term in TERMS or term == "cumulative":
        return None
    if term == "effect_end":
        return design.effect_rows(event, [len(design.index) - 1])
    months = term.removeprefix("effect_").removesuffix("m")
    if not term.startswith("effect_") or not months.isdigit():
        raise InputError(
            "unknown term",
            column="term",
            value=term,
            fix=f"use {', '.join(TERMS)}, effect_3m (any number of months) or effect_end",
        )
    at = design.horizon(event, int(months))
    return None if at is None else design.effect_rows(event, [at])


def calendar(start: pd.Timestamp, end: pd.Timestamp, freq: str | None) -> pd.DatetimeIndex:
    """Return the periods from start to end, both included."""
    return pd.date_range(start, end, freq=freq)


def joint_null(series: Sequence[Working]) -> FittedNull:
    """Fit the errors of several series on their common calendar.

    The mean holds every term of each series' own model: an estimate's distribution about the truth
    does not depend on the size of the effects that are estimated with it.

    Raises
    ------
    InputError
        If the series have different frequencies.
    """
    freqs = {work.index.freqstr for work in series}
    if len(freqs) > 1:
        raise InputError(
            "a joint test needs series of one frequency", value=sorted(map(str, freqs))
        )
    start, end = min(w.index[0] for w in series), max(w.index[-1] for w in series)
    grid = calendar(start, end, freqs.pop())
    outcomes = np.full((len(series), len(grid)), np.nan)
    designs = []
    for j, work in enumerate(series):
        lead = int(grid.get_indexer(work.index[:1])[0])
        span = slice(lead, lead + len(work.index))
        outcomes[j, span] = work.weighted
        design = np.zeros((len(grid), work.design.matrix.shape[1]))
        design[span] = work.matrix
        designs.append(design)
    return fit_null(outcomes, designs)


def before_event(work: Working, event: str | None) -> tuple[int, list[int]]:
    """Return the end of the window before a block, and the columns of earlier or no blocks."""
    onsets = work.design.onsets
    chosen = min(onsets, key=lambda key: onsets[key].touched) if event is None else event
    stop = int(onsets[chosen].touched)
    late = {
        column
        for key, columns in work.design.columns.items()
        if onsets[key].touched >= stop
        for column in columns.values()
    }
    rows = work.design.matrix[:stop]
    kept = [
        column
        for column in range(rows.shape[1])
        if column not in late and (np.ptp(rows[:, column]) > 0 or column == 0)
    ]
    return stop, kept
