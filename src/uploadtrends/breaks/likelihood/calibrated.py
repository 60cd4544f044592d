"""Is there any change at all? The gate of the calibrated default.

Autocorrelation and drift both look like level shifts to a segmentation with a fixed penalty. The
gate asks first whether the best single change beats what a series with the same autocorrelation,
and if need be the same drift, shows by chance. The null laws are simulated (Gaussian AR(1)), not
asymptotic, so that they hold at n = 36 as well as at n = 360.

The autocorrelation of a simulated null is that of the best alternative, corrected for its terms: a
level shift inflates the autocorrelation about a constant, and a null as persistent as that would
hide the shift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.laws import (
    N_SIMULATED,
    Alternative,
    Null,
    line_changes,
    null_law,
    p_value,
    shifts,
    simulate,
)
from uploadtrends.breaks.likelihood.mixture import Weighted, count_noise
from uploadtrends.breaks.likelihood.noise import MAXIMUM_RHO, corrected_rho
from uploadtrends.breaks.likelihood.scan import plain_base, scan
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing

# Shares of the level: a shift against a constant, a change against a line where the line is the
# null, and where it is not. Choosing between the nulls uses up the rest.
SHIFT_SHARE = 0.8
LINE_SHARE = 0.7
SIDE_SHARE = 0.2
# The guard simulates around a line and with a correlation fitted to the series that it judges: at a
# nominal 4% it lets 6 to 7% of straight lines pass, and at two thirds of that it keeps its word.
GUARD_SHARE = 2 / 3
UNDERDISPERSED = 1.25  # a Poisson variance this many times the observed one: no Poisson counts
MIXTURE_MEAN = 10.0
MIXTURE_LENGTHS = (60, 400)


@dataclass(frozen=True)
class Gate:
    """What the gate decided for one series.

    Attributes
    ----------
    change : bool
        Whether the series holds a change.
    p : float
        Overall p-value: at most `level` exactly when `change` (both routes of the gate, weighted).
    null : {"constant", "line"}
        Whether the alternative to "a change" was a constant or a straight line.
    dates : tuple of int
        Row of the first period of the new regime of the best change, or of the two best.
    rho : float
        Autocorrelation of the errors beside the best change, bias-corrected: that of the
        simulated null.
    against : {"constant", "line"}
        What `p` holds the change against: also a line where the null is a constant and a line
        explains as much.
    """

    change: bool
    p: float
    null: Null
    dates: tuple[int, ...]
    rho: float
    against: Null
    shift: Alternative = field(repr=False)
    line: Alternative | None = field(repr=False)


@dataclass(frozen=True)
class Counts:
    """Counts among the series that the gate sees.

    Attributes
    ----------
    mean : float
        Mean count.
    variance : float
        What counting adds to a smooth rate, in the squared units of the standardised values.
    """

    mean: float
    variance: float


def gate(
    values: Array,
    spacing: Spacing,
    *,
    level: float = 0.05,
    trend: bool = True,
    counts: Counts | None = None,
    seed: int = 0,
) -> Gate:
    """Decide whether a standardised series of at least 10 observed periods holds a change.

    Parameters
    ----------
    values : array of shape (n,)
        Observed values, mean 0 and standard deviation 1.
    spacing : Spacing
        When they were observed.
    level : float
        False alarms to tolerate. With `trend` it is shared out: four fifths for a shift against a
        constant and one fifth for a change against a line; or, where a line fits better than a
        constant does, seven tenths for a change of that line.
    trend : bool
        Whether a straight line counts as "no change". False asks more of the user (the series is
        known to have no drift) and gives more power.
    counts : Counts, optional
        For counts: AR(1) errors alone would understate slow swings of the rate. Left aside where
        the series varies clearly less about a line than Poisson counts do.
    seed : int
        Seed of the simulated null laws.
    """
    if counts is not None and counts.variance > UNDERDISPERSED * noise_variance(
        values, "line", spacing.times
    ):
        counts = None
    noise = _Noise(values, spacing, counts, seed)
    shift = shifts(values[None, :], spacing)
    shift_p = noise.p_value(shift, "constant")
    if not trend:
        return _decide("constant", shift_p, level, shift, None, spacing.n)
    line = line_changes(values[None, :], spacing)
    line_p = noise.p_value(line, "line")
    log_n = float(np.log(spacing.n))
    constant = min(float(shift.null[0]), float(shift.change[0]) + 2 * log_n)
    if constant > float(line.null[0]) + log_n:
        return _decide("line", line_p / LINE_SHARE, level, shift, line, spacing.n)
    against: Null = "constant"
    if shift_p <= SHIFT_SHARE * level:
        law = noise.drift_law(line, pairs=bool(shift.dates[0, 1]))
        guard_p = p_value(float(line.null[0] - shift.change[0]), law)
        against = "line" if guard_p / GUARD_SHARE > shift_p else "constant"
        shift_p = max(shift_p, min(1.0, guard_p / GUARD_SHARE))
    # Bonferroni weights: the overall p is at most the level when either route rejects.
    if shift_p / SHIFT_SHARE <= line_p / SIDE_SHARE:
        return _decide("constant", shift_p / SHIFT_SHARE, level, shift, line, spacing.n, against)
    return _decide("constant", line_p / SIDE_SHARE, level, shift, line, spacing.n, "line")


def _decide(
    null: Null,
    p: float,
    level: float,
    shift: Alternative,
    line: Alternative | None,
    n: int,
    against: Null | None = None,
) -> Gate:
    best = shift if null == "constant" or line is None else line
    return Gate(
        change=p <= level + 1e-12,
        p=min(p, 1.0),
        null=null,
        dates=tuple(int(date) for date in best.dates[0] if date),
        rho=corrected_rho(float(best.rho[0]), n, int(best.terms[0])),
        against=against or null,
        shift=shift,
        line=line,
    )


class _Noise:
    """The noise of one series under no change: plain AR(1), or with a share from counting."""

    def __init__(self, values: Array, spacing: Spacing, counts: Counts | None, seed: int) -> None:
        self.values, self.spacing, self.counts, self.seed = values, spacing, counts, seed
        low, high = MIXTURE_LENGTHS
        self.mixed = counts is not None and counts.mean >= MIXTURE_MEAN and low <= spacing.n <= high

    def weights(self, found: Alternative, null: Null) -> list[Weighted]:
        """Return autocorrelations and white shares of the null, with their weights."""
        n = self.spacing.n
        if self.mixed and self.counts is not None:
            columns = found.columns(self.spacing, sloped=null == "line")
            return count_noise(self.values, columns, self.spacing, self.counts.variance)
        if self.counts is not None:
            variance = noise_variance(self.values, null, self.spacing.times)
            share = float(np.clip(np.round(10 * self.counts.variance / variance), 0, 8)) / 10
            rho = corrected_rho(float(found.null_rho[0]), n, 1 if null == "constant" else 2)
            return [Weighted(1.0, min(rho / (1.0 - share), MAXIMUM_RHO), share)]
        rho = corrected_rho(float(found.rho[0]), n, int(found.terms[0]))
        return [Weighted(1.0, rho, 0.0)]

    def p_value(self, found: Alternative, null: Null) -> float:
        """Return the chance of a gain as large as the one found, averaged over the weights."""
        gain = float(found.null[0] - found.change[0])
        weights = self.weights(found, null)
        times = N_SIMULATED if len(weights) > 1 else None
        return float(
            sum(
                part.weight
                * p_value(
                    gain,
                    null_law(self.spacing, null, part.rho, part.share, self.seed, times),
                )
                for part in weights
            )
        )

    def drift_law(self, line: Alternative, *, pairs: bool) -> Array:
        """Law of "one step (or two) beats the line" if the fitted line is the truth (Cox 1961)."""
        space = self.spacing
        rho = float(line.rho[0] if self.counts is None or self.mixed else line.null_rho[0])
        mean, spread = fitted_line(self.values, space, rho)
        weights = self.weights(line, "line")
        gains = _shift_against_line(space, pairs)
        parts = []
        for place, part in enumerate(weights):
            noise = (
                np.sqrt(self.counts.variance / part.share)
                if self.mixed and self.counts
                # Innovations as large in the simulated series as what whitening leaves in this one.
                else (spread * np.sqrt((1.0 - rho**2) / (1.0 - _one_lag(part) ** 2)))
            )
            times = max(1, round(part.weight * N_SIMULATED))
            key = (self.seed, space.n, 99, place)
            scaled = mean / max(float(noise), 1e-9)
            parts.append(simulate(space, part.rho, part.share, times, key, gains, scaled))
        return np.sort(np.concatenate(parts))


def _one_lag(part: Weighted) -> float:
    return part.rho * (1.0 - part.share)


def _shift_against_line(spacing: Spacing, pairs: bool) -> Callable[[Array], Array]:
    def gains(drawn: Array) -> Array:
        line = scan(drawn, plain_base(spacing, sloped=True), ("none",))["none"].criterion
        found: Array = line - shifts(drawn, spacing, pairs=pairs).change
        return found

    return gains


def fitted_line(values: Array, spacing: Spacing, rho: float) -> tuple[Array, float]:
    """Return the line fitted under AR(1) errors (n,), and the errors' standard deviation."""
    i = int(np.argmin(np.abs(RHO_GRID - rho)))
    design = np.stack([spacing.constant[i], spacing.line[i]], axis=1)
    response = spacing.whiten_at(i, values)
    coefficients, *_ = np.linalg.lstsq(design, response, rcond=None)
    residual = response - design @ coefficients
    line: Array = coefficients[0] + coefficients[1] * spacing.times
    return line, float(np.sqrt(residual @ residual / (spacing.n - 2)))


def noise_variance(values: Array, null: str, times: Any) -> float:
    """Return the residual variance about a constant or a line fitted by least squares."""
    residual = values - values.mean()
    if null == "line":
        time = times - np.mean(times)
        residual = residual - float(residual @ time / (time @ time)) * time
    return max(float(np.mean(residual**2)), 1e-12)
