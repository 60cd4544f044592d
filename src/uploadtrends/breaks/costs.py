"""Segment costs: minus twice the maximised log-likelihood, for many segments at once.

They speak the protocol of ruptures' costs (`fit`, `error`, `min_size`) and add `errors`, which
evaluates all candidates in one array operation on prefix sums. `ruptures_bridge.for_ruptures`
hands one to ruptures' own search classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError

Places = NDArray[np.intp]


def prefix_sums(values: Array) -> Array:
    """Return sums of ``values[:i]`` along the first axis for i = 0 to n."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


class SegmentCost(ABC):
    """Base of the costs here.

    Attributes
    ----------
    model : str
        Name, as in ``change_points(cost=...)``.
    n_parameters : int
        Parameters per segment, which BIC and MBIC count.
    min_size : int
        Shortest segment that the cost can be computed for.
    standardise : bool
        Whether the series should have mean 0 and standard deviation 1 (the variance is taken as
        known and equal to 1).
    """

    model = ""
    n_parameters = 1
    min_size = 1
    standardise = False

    def fit(self, signal: Any) -> SegmentCost:
        """Prepare the prefix sums of a series, shape (n,) or (n, 1)."""
        values = np.asarray(signal, dtype=np.float64).reshape(len(signal), -1)
        if values.shape[1] != 1:
            raise InputError("a cost takes one series at a time", value=values.shape)
        self.signal = values
        self._prepare(values[:, 0])
        return self

    def error(self, start: int, end: int) -> float:
        """Return the cost of ``signal[start:end]``."""
        return float(self.errors(np.array([start], dtype=np.intp), end)[0])

    @abstractmethod
    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return the costs of ``signal[start:end]`` for every pair, broadcast together."""

    @abstractmethod
    def _prepare(self, values: Array) -> None:
        """Compute what `errors` needs."""


class MeanCost(SegmentCost):
    """Change in mean of Gaussian data with unit variance: the residual sum of squares."""

    model = "mean"
    standardise = True

    def _prepare(self, values: Array) -> None:
        self._sum, self._square = prefix_sums(values), prefix_sums(values**2)

    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return the residual sums of squares about the segment means."""
        total = self._sum[ends] - self._sum[starts]
        rss: Array = self._square[ends] - self._square[starts] - total**2 / (ends - starts)
        return np.maximum(rss, 0.0)


class LinearCost(MeanCost):
    """Change of a straight line, Gaussian errors with unit variance.

    Parameters
    ----------
    times : array of shape (n,), optional
        When the values were observed; one after the other by default.
    """

    model = "linear"
    n_parameters = 2
    min_size = 3

    def __init__(self, times: Array | None = None) -> None:
        self.times = times

    def _prepare(self, values: Array) -> None:
        super()._prepare(values)
        times = np.arange(len(values)) if self.times is None else np.asarray(self.times)
        centred = times - (times[0] + times[-1]) / 2.0
        self._time, self._times = prefix_sums(centred), prefix_sums(centred**2)
        self._moment = prefix_sums(values * centred)

    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return the residual sums of squares about the segment lines."""
        length = (ends - starts).astype(np.float64)
        total = self._sum[ends] - self._sum[starts]
        middle = (self._time[ends] - self._time[starts]) / length
        moment = self._moment[ends] - self._moment[starts] - middle * total
        if self.times is None:  # exact, where the difference of long sums is not
            spread = length * (length**2 - 1.0) / 12.0
        else:
            spread = self._times[ends] - self._times[starts] - middle**2 * length
        rss: Array = super().errors(starts, ends) - moment**2 / np.maximum(spread, 0.5)
        return np.maximum(rss, 0.0)


class MeanVarianceCost(MeanCost):
    """Change in mean and variance of Gaussian data."""

    model = "mean_variance"
    n_parameters = 2
    min_size = 2

    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return minus twice the Gaussian log-likelihood at the segment means and variances."""
        length = ends - starts
        variance = np.maximum(super().errors(starts, ends) / length, 1e-11)
        cost: Array = length * (np.log(2.0 * np.pi * variance) + 1.0)
        return cost


class PoissonCost(SegmentCost):
    """Change in the mean of Poisson counts (constants of the data left out)."""

    model = "poisson"

    def _prepare(self, values: Array) -> None:
        if (values < 0).any() or (values != np.round(values)).any():
            raise InputError(
                f"the {self.model} cost needs counts",
                value=float(values[(values < 0) | (values != np.round(values))][0]),
                fix='use cost="mean", or pass whole numbers that are not negative',
            )
        self._sum = prefix_sums(values)

    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return ``-2 S log(S / m)`` for the sum S of m counts."""
        total = self._sum[ends] - self._sum[starts]
        rate = np.where(total > 0.0, total / (ends - starts), 1.0)
        cost: Array = -2.0 * total * np.log(rate)
        return cost


class NegativeBinomialCost(PoissonCost):
    """Change in the mean of overdispersed counts, ``variance = mean + mean^2 / size``.

    Parameters
    ----------
    size : float, optional
        Common to all segments. By default estimated from differences of neighbouring counts, which
        changes of the mean hardly touch: ``1 / size = sum(d^2 / 2 - m) / sum(y_t y_(t-1))`` with d
        the difference and m the mean of two neighbours (method of moments for independent counts).
    """

    model = "negative_binomial"

    def __init__(self, size: float | None = None) -> None:
        self.size = size

    def _prepare(self, values: Array) -> None:
        super()._prepare(values)
        if self.size is not None:
            self.fitted_size = float(self.size)
            return
        excess = np.diff(values) ** 2 / 2.0 - (values[1:] + values[:-1]) / 2.0
        product = float(values[1:] @ values[:-1])
        inverse = float(excess.sum()) / product if product > 0.0 else 0.0
        self.fitted_size = 1.0 / max(inverse, 1e-6)

    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return minus twice the log-likelihood at the segment means, constants left out."""
        size = self.fitted_size
        total = self._sum[ends] - self._sum[starts]
        length = ends - starts
        mean = total / length
        share = np.where(total > 0.0, mean / (mean + size), 1.0)
        # log1p keeps the Poisson limit (size to infinity) exact.
        zero_term = length * size * np.log1p(mean / size)
        cost: Array = -2.0 * (total * np.log(share) - zero_term)
        return cost


class AutoregressiveCost(SegmentCost):
    """Change of an autoregression: intercept and coefficients, errors with unit variance.

    Parameters
    ----------
    order : int
        Lags. The first `order` values only serve as lags. The series is scaled so that one
        autoregression over all of it has unit innovation variance.
    """

    model = "autoregressive"

    def __init__(self, order: int = 1) -> None:
        if order < 1:
            raise InputError("the order must be at least 1", column="order", value=order)
        self.order = order
        self.n_parameters = order + 1
        self.min_size = 2 * (order + 1)

    def _prepare(self, values: Array) -> None:
        n, order = len(values), self.order
        if n < 3 * (order + 1):
            raise InputError("too short for an autoregression", value=f"{n} periods")
        values = (values - values.mean()) / max(float(values.std()), 1e-300)
        lags = [np.ones(n - order)] + [values[order - k : n - k] for k in range(1, order + 1)]
        design = np.column_stack(lags)
        response = values[order:]
        coefficients = np.linalg.lstsq(design, response, rcond=None)[0]
        scale = float(np.sqrt(np.mean((response - design @ coefficients) ** 2)))
        response = response / max(scale, 1e-12)
        padding = np.zeros((order, order + 1))
        design = np.concatenate([padding, design])
        response = np.concatenate([np.zeros(order), response])
        self._gram = prefix_sums(design[:, :, None] * design[:, None, :])
        self._moment = prefix_sums(design * response[:, None])
        self._square = prefix_sums(response**2)

    def errors(self, starts: Places, ends: Places | int) -> Array:
        """Return the residual sums of squares of the segments' autoregressions."""
        gram = self._gram[ends] - self._gram[starts]
        moment = self._moment[ends] - self._moment[starts]
        # A ridge far below rounding keeps segments without variation solvable.
        ridge = 1e-9 * np.eye(gram.shape[-1])
        solved = np.linalg.solve(gram + ridge, moment[..., None])[..., 0]
        rss: Array = (
            self._square[ends] - self._square[starts] - np.einsum("ij,ij->i", moment, solved)
        )
        return np.maximum(rss, 0.0)


_BY_NAME: dict[str, type[SegmentCost]] = {
    cost.model: cost
    for cost in (
        MeanCost,
        MeanVarianceCost,
        LinearCost,
        PoissonCost,
        NegativeBinomialCost,
        AutoregressiveCost,
    )
}


def cost_named(cost: Any) -> Any:
    """Return a cost object for a name, or the object itself.

    Raises
    ------
    InputError
        If the name is unknown or the object has not the methods of a ruptures cost.
    """
    if isinstance(cost, str) and cost in _BY_NAME:
        return _BY_NAME[cost]()
    if all(hasattr(cost, name) for name in ("fit", "error", "min_size")):
        return cost
    raise InputError(
        "unknown cost", column="cost", value=cost, fix=f"choose from {', '.join(_BY_NAME)}"
    )
