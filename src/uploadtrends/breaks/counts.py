"""Posterior over change dates in counts: one change or several, exact and conjugate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.posterior import Posterior, credible_interval
from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.result import Call, Result
from uploadtrends.series.grid import as_regular_series, frequency, stamp

MAXIMUM_LENGTH = 3000


def _segment_evidence(
    values: Array, starts: NDArray[np.intp], ends: NDArray[np.intp], prior: tuple[float, float]
) -> Array:
    """Log marginal likelihood of Poisson segments with a Gamma(shape, rate) prior on the mean.

    Factorials of the counts are left out: they are the same in every segmentation.
    """
    shape, rate = prior
    sums = np.concatenate([[0.0], np.cumsum(values)])
    total, length = sums[ends] - sums[starts], ends - starts
    evidence: Array = (
        shape * np.log(rate)
        - gammaln(shape)
        + gammaln(shape + total)
        - (shape + total) * np.log(rate + length)
    )
    return evidence


def _overdispersed_evidence(
    values: Array, starts: NDArray[np.intp], ends: NDArray[np.intp], size: float
) -> Array:
    """Log marginal likelihood of negative binomial segments with known size.

    With p = size / (size + mean) and a Beta(1/2, 1/2) prior on p.
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    total, length = sums[ends] - sums[starts], ends - starts
    evidence: Array = betaln(0.5 + size * length, 0.5 + total) - betaln(0.5, 0.5)
    return evidence


def count_date_posterior(
    values: Array,
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    size: float = np.inf,
    offset: int = 0,
) -> Posterior:
    """Return the posterior over the date of exactly one change in counts.

    Uniform prior over the n - 1 possible dates; means integrated out.

    Parameters
    ----------
    values : array of shape (n,)
        Counts.
    prior : (shape, rate)
        Gamma prior of both Poisson means.
    size : float
        Negative binomial size; infinite for Poisson counts.
    offset : int
        Added to the positions returned.

    Returns
    -------
    positions : array of int, shape (n - 1,)
        First position of the new regime.
    probability : array, summing to 1
    """
    n = len(values)
    places = np.arange(1, n)
    first, last = np.zeros_like(places), np.full_like(places, n)
    if np.isinf(size) or size > 1e5:
        log_weight = _segment_evidence(values, first, places, prior)
        log_weight = log_weight + _segment_evidence(values, places, last, prior)
    else:
        log_weight = _overdispersed_evidence(values, first, places, size)
        log_weight = log_weight + _overdispersed_evidence(values, places, last, size)
    weight = np.exp(log_weight - log_weight.max())
    probability: Array = weight / weight.sum()
    return places + offset, probability


@dataclass(frozen=True, repr=False, eq=False)
class CountPosterior(Result):
    """Posterior over the number and the dates of changes in a count series.

    Attributes
    ----------
    number : pandas.Series
        Probability of 0, 1, 2, ... changes.
    n_changes : int
        The most probable number, or the one that was given.
    dates : pandas.DataFrame
        Given that number: probability (columns change 1, 2, ...) of each date being the first
        period of the new regime.
    any_change : pandas.Series
        Probability that a new regime begins in a period, averaged over the number of changes.
    confidence : float
    call : Call
    """

    number: pd.Series
    n_changes: int
    dates: pd.DataFrame
    any_change: pd.Series
    confidence: float
    call: Call

    title = "Posterior of changes in counts"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per change: date (mode), median, low, high, probability of the mode."""
        rows = []
        for name in self.dates.columns:
            probability = self.dates[name].to_numpy()
            posterior = np.arange(len(probability)), probability
            low, high = credible_interval(posterior, self.confidence)
            middle, _ = credible_interval(posterior, 0.0)
            mode = int(np.argmax(probability))
            index = self.dates.index
            rows.append(
                {
                    "change": name,
                    "date": index[mode],
                    "median": index[middle],
                    "low": index[low],
                    "high": index[high],
                    "probability": float(probability[mode]),
                }
            )
        columns = ["change", "date", "median", "low", "high", "probability"]
        return pd.DataFrame(rows, columns=columns)

    def probability_near(self, event: Any, weeks: float) -> float:
        """Return the probability that some change lies within `weeks` of an event.

        A change counts when the start of its first period lies within that many weeks of the
        event's day (of its month, where only that is known). Computed under the most probable
        number of changes, the dates taken as independent.

        Raises
        ------
        InputError
            If there is not exactly one event.
        """
        chosen = as_events(event)
        if len(chosen) != 1:
            raise InputError("give exactly one event", value=len(chosen))
        reach = pd.Timedelta(weeks=weeks)
        first = pd.Timestamp(chosen[0].start) - reach
        last = pd.Timestamp(chosen[0].end) + reach
        inside = (self.dates.index >= first) & (self.dates.index <= last)
        return float(1.0 - np.prod(1.0 - self.dates[inside].sum(axis=0).to_numpy()))

    def summary(self) -> str:
        """Say how many changes there are and when, in words."""
        index = pd.DatetimeIndex(self.dates.index)
        freq = frequency(index)
        text = (
            f"{self.n_changes} {'change' if self.n_changes == 1 else 'changes'} "
            f"(probability {self.number[self.n_changes]:.2f})"
        )
        table = self.to_frame()
        parts = [
            f"{stamp(date, freq)} ({self.confidence:.0%} interval {stamp(low, freq)} to "
            f"{stamp(high, freq)})"
            for date, low, high in zip(table["date"], table["low"], table["high"], strict=True)
        ]
        return f"{text}{': ' if parts else ''}{'; '.join(parts)}."


def count_posterior(
    series: pd.Series,
    *,
    max_changes: int = 5,
    n_changes: int | None = None,
    prior: tuple[float, float] = (1.0, 1.0),
    thinning: float = 0.5,
    confidence: float = 0.95,
) -> CountPosterior:
    """Return the posterior over the number and the dates of changes of a Poisson mean.

    Exact: sums over all segmentations by forward and backward recursions (Fearnhead 2006), means
    integrated out under a Gamma prior, all placements of m changes equally likely beforehand, each
    further change half as likely as the one before (`thinning`). Counts that vary more than
    Poisson ones look like several changes: see ``cost="negative_binomial"``.

    Parameters
    ----------
    series : pandas.Series
        Counts without missing periods, n of them, at most 3,000.
    max_changes : int
    n_changes : int, optional
        Take this number as given.
    prior : (shape, rate)
        Gamma prior of every mean.
    thinning : float
        Prior probability of m + 1 changes over that of m, up to `max_changes`.
    confidence : float
        Of the equal-tailed intervals.

    Raises
    ------
    InputError
        If the series holds gaps or anything but counts, or is too short or too long.
    """
    call = Call.of(locals(), series, function="count_posterior")
    regular = as_regular_series(series)
    values = regular.to_numpy()
    if np.isnan(values).any() or (values < 0).any() or (values != np.round(values)).any():
        raise InputError(
            "the posterior needs whole counts in every period",
            column=str(series.name or "value"),
            fix="fill gaps first; use change_points for other data",
        )
    if thinning <= 0.0:
        raise InputError("thinning must be positive", column="thinning", value=thinning)
    n = len(values)
    if not 3 <= n <= MAXIMUM_LENGTH:
        raise InputError(f"3 to {MAXIMUM_LENGTH:,} periods are needed", value=n)
    most = min(max_changes if n_changes is None else n_changes, n - 1)
    places = np.arange(n + 1)
    table = np.full((n + 1, n + 1), -np.inf)
    upper = np.triu_indices(n + 1, 1)
    table[upper] = _segment_evidence(values, upper[0], upper[1], prior)
    # forward[m, t]: all ways to cut values[:t] into m + 1 segments; backward likewise.
    forward, backward = np.full((2, most + 1, n + 1), -np.inf)
    forward[0], backward[0] = table[0], table[:, n]
    for m in range(1, most + 1):
        forward[m] = np.logaddexp.reduce(forward[m - 1][:, None] + table, axis=0)
        backward[m] = np.logaddexp.reduce(table + backward[m - 1][None, :], axis=1)
    numbers = np.arange(most + 1)
    ways = gammaln(n) - gammaln(numbers + 1) - gammaln(n - numbers)
    log_number = forward[:, n] - ways + numbers * np.log(thinning)
    if n_changes is not None:
        log_number = np.where(numbers == n_changes, 0.0, -np.inf)
    number = np.exp(log_number - log_number.max())
    number /= number.sum()

    def dates_given(m: int) -> Array:
        """Probability of the k-th of m changes at each position, shape (n, m)."""
        columns = [
            np.exp(forward[k][places[:n]] + backward[m - 1 - k][places[:n]] - forward[m, n])
            for k in range(m)
        ]
        return np.stack(columns, axis=1) if columns else np.empty((n, 0))

    best = int(np.argmax(number)) if n_changes is None else n_changes
    anywhere = sum(
        (number[m] * dates_given(m).sum(axis=1) for m in range(1, most + 1)), np.zeros(n)
    )
    names = [f"change {k + 1}" for k in range(best)]
    return CountPosterior(
        number=pd.Series(number, pd.Index(numbers, name="changes"), name="probability"),
        n_changes=best,
        dates=pd.DataFrame(dates_given(best), index=regular.index, columns=names),
        any_change=pd.Series(anywhere, regular.index, name="probability"),
        confidence=confidence,
        call=call,
    )
