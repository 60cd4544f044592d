"""Several series side by side: gains at every common date, their noise, and its bootstrap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.noise import corrected_rho
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT, plain_base
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing, criterion
from uploadtrends.breaks.likelihood.unusual import find_odd
from uploadtrends.breaks.season import find_season, seasonal_component
from uploadtrends.errors import InputError
from uploadtrends.series.grid import FEWEST_PERIODS, frequency, stamp
from uploadtrends.series.named import NamedSeries
from uploadtrends.series.steps import step_of

N_SIMULATED = 299
N_BOOTSTRAP = 299
WORTH = 3.0  # a gain below this counts nothing towards the sum of the takers
SHRINK = 0.9  # of the residual correlations


def sum_of_takers(gains: Array) -> Array:
    """Return the sum over the series of what exceeds a worthless gain."""
    total: Array = np.maximum(gains - WORTH, 0.0).sum(axis=-2)
    return total


@dataclass(frozen=True, eq=False)
class Together:
    """Several series on their common periods."""

    index: pd.DatetimeIndex
    values: Array
    """Standardised, season taken out, NaN where nothing was observed; shape (series, n)."""
    raw: Array
    notes: list[str]
    trend: bool
    first: int
    last: int
    rho: Array
    correlation: Array

    @classmethod
    def of(cls, usable: list[NamedSeries], *, trend: bool, season: Any) -> Together:
        """Lay the series side by side over the periods that all of them cover."""
        start = max(item.values.dropna().index[0] for item in usable)
        end = min(item.values.dropna().index[-1] for item in usable)
        index = pd.DatetimeIndex(usable[0].values.index)
        if any(frequency(item.values.index) != frequency(index) for item in usable):
            raise InputError("the series have different frequencies", fix="aggregate them first")
        parts = [item.values[start:end] for item in usable]
        if len(parts[0]) < FEWEST_PERIODS:
            raise InputError(
                "the series have too few periods in common",
                value=len(parts[0]),
                fix=f"give series that overlap for {FEWEST_PERIODS} periods",
            )
        values, notes = [], []
        for part in parts:
            cleaned, note = _cleaned(part, season, trend=trend)
            values.append(cleaned)
            notes.append(note)
        raw = np.stack([part.to_numpy(dtype=float) for part in parts])
        n = raw.shape[1]
        stacked = np.stack(values)
        first, last = MINIMUM_SEGMENT, n - MINIMUM_SEGMENT
        index = pd.DatetimeIndex(parts[0].index)
        plain = cls(
            index, stacked, raw, notes, trend, first, last, np.zeros(len(parts)), np.eye(len(parts))
        )
        return plain._with_noise()

    def _with_noise(self) -> Together:
        """Estimate autocorrelations and the correlation of innovations beside the common step."""
        at = int(np.argmax(sum_of_takers(self.gains(self.values))))
        n_terms = 3 if self.trend else 2
        rho = []
        residuals = np.full_like(self.values, np.nan)
        for i, row in enumerate(self.values):
            known = np.flatnonzero(np.isfinite(row))
            spacing = Spacing.of(known)
            base = plain_base(spacing, sloped=self.trend)
            step = (known >= self.first + at).astype(float)
            best = (np.inf, 0, np.zeros(len(known)))
            for g in range(len(RHO_GRID)):
                u = base.residuals_at(g, row[known][None, :])[0]
                s = base.residuals_at(g, step[None, :])[0]
                norm = float(s @ s)
                if norm > 1e-9:
                    u = u - s * float(s @ u) / norm
                value = float(criterion(u @ u, spacing, g))
                if value < best[0]:
                    best = value, g, u
            residuals[i, known] = best[2]
            rho.append(corrected_rho(float(RHO_GRID[best[1]]), len(known), n_terms + 2))
        correlation = _correlation(residuals)
        return replace(self, rho=np.array(rho), correlation=correlation)

    @property
    def mean_correlation(self) -> float:
        """Mean correlation of the series' errors."""
        k = len(self.correlation)
        return float((self.correlation.sum() - k) / (k * (k - 1)))

    def gains(self, sets: Array) -> Array:
        """Return what a step gains at every candidate date: (..., series, n) to (..., dates).

        Profiled over the autocorrelation for every series; rows with NaN are the series' gaps.
        """
        single = sets.ndim == 2
        stacked = sets[None] if single else sets
        found = np.zeros((*stacked.shape[:2], self.last - self.first + 1))
        for i in range(stacked.shape[1]):
            known = np.flatnonzero(np.isfinite(self.values[i]))
            spacing = Spacing.of(known)
            base = plain_base(spacing, sloped=self.trend)
            best = np.full((len(stacked), self.last - self.first + 1), np.inf)
            least = np.full(len(stacked), np.inf)
            # A date inside a gap is that of the next observed row.
            rows = np.searchsorted(known, np.arange(self.first, self.last + 1))
            rows = np.minimum(rows, len(known) - 1)
            for g in range(len(RHO_GRID)):
                u = base.residuals_at(g, np.ascontiguousarray(stacked[:, i][:, known]))
                rss = np.einsum("ij,ij->i", u, u)
                gain = base.step_products(g, u)[:, rows] ** 2 / base.norms[0][g][rows]
                best = np.minimum(best, criterion(rss[:, None] - gain, spacing, g))
                least = np.minimum(least, criterion(rss, spacing, g))
            found[:, i] = least[:, None] - best
        return found[0] if single else found

    def draw(self, rng: np.random.Generator, times: int) -> Array:
        """Draw sets of AR(1) series with the series' own noise: (times, series, n)."""
        n = self.values.shape[1]
        root = np.linalg.cholesky(self.correlation)
        noise = root @ rng.standard_normal((n, times, len(self.rho), 1))
        noise = noise[..., 0]
        spread = np.sqrt(1.0 - self.rho**2)
        for t in range(1, n):
            noise[t] = self.rho * noise[t - 1] + spread * noise[t]
        return np.ascontiguousarray(noise.transpose(1, 2, 0))

    def test(self, gains: Array, seed: int) -> tuple[float, Array]:
        """Return the p-value of a common change and those of every series at every date."""
        rng = np.random.default_rng((seed, self.values.shape[1], len(self.rho)))
        simulated = self.gains(self.draw(rng, N_SIMULATED))
        every = simulated.sum(axis=1).max(axis=1)
        takers = sum_of_takers(simulated).max(axis=1)
        p = [
            (1.0 + np.sum(law >= observed - 1e-9)) / (1.0 + N_SIMULATED)
            for law, observed in (
                (every, gains.sum(axis=0).max()),
                (takers, sum_of_takers(gains).max()),
            )
        ]
        # At the date and its neighbours, which the common argmax was free to choose among.
        near, law = _near(gains), _near(simulated)
        single = (1.0 + (law >= near - 1e-9).sum(axis=0)) / (1.0 + N_SIMULATED)
        return float(min(1.0, 2.0 * min(p))), single

    def interval(
        self,
        at: int,
        takes: NDArray[np.bool_],
        takers: Array,
        confidence: float,
        seed: int,
    ) -> tuple[int, int]:
        """Return the parametric bootstrap interval of the common date (places among dates)."""
        n = self.values.shape[1]
        step = (np.arange(n) >= self.first + at).astype(float)
        sizes = np.zeros(len(self.values))
        noise_sd = np.ones(len(self.values))
        for i, row in enumerate(self.values):
            known = np.isfinite(row)
            design = [np.ones(known.sum()), step[known]]
            if self.trend:
                design.append(np.flatnonzero(known) - n / 2.0)
            columns = np.stack(design, axis=1)
            fitted, *_ = np.linalg.lstsq(columns, row[known], rcond=None)
            left = row[known] - columns @ fitted
            noise_sd[i] = np.sqrt(left @ left / max(known.sum() - columns.shape[1], 1))
            sizes[i] = fitted[1] if takes[i] or not takes.any() else 0.0
        rng = np.random.default_rng((seed, n, at, 7))
        noise = self.draw(rng, N_BOOTSTRAP) * noise_sd[:, None]
        drawn = sum_of_takers(self.gains(noise + sizes[:, None] * step))
        shifts = np.argmax(drawn, axis=1) - at
        # How much evidence the true date loses against the best one, and which dates lose less.
        lost = drawn.max(axis=1) - drawn[:, at]
        limit = float(np.quantile(lost, confidence))
        near = np.flatnonzero(takers.max() - takers <= limit + 1e-9)
        tail = (1.0 - confidence) / 2.0
        low, high = np.quantile(shifts, [tail, 1.0 - tail])
        first = min(int(near.min()), at - max(int(np.ceil(high)), 0))
        last = max(int(near.max()), at - min(int(np.floor(low)), 0))
        return max(first, 0), min(last, len(takers) - 1)

    def levels(self, i: int, at: int) -> dict[str, float]:
        """Return the means of one series either side of a date, in its own units."""
        row = self.raw[i]
        return {"before": float(np.nanmean(row[:at])), "after": float(np.nanmean(row[at:]))}


def _near(gains: Array) -> Array:
    """Return the largest gain at each date and its two neighbours."""
    found = gains.copy()
    found[..., 1:] = np.maximum(found[..., 1:], gains[..., :-1])
    found[..., :-1] = np.maximum(found[..., :-1], gains[..., 1:])
    return found


def _correlation(residuals: Array) -> Array:
    """Return the correlation of residuals (series, n) with gaps, shrunk towards none."""
    frame = pd.DataFrame(residuals.T)
    found = frame.corr(min_periods=FEWEST_PERIODS).fillna(0.0).to_numpy()
    k = len(found)
    shrunk: Array = SHRINK * found + (1.0 - SHRINK) * np.eye(k)
    spectrum, vectors = np.linalg.eigh(shrunk)
    shrunk = vectors * np.maximum(spectrum, 0.05) @ vectors.T
    scale = np.sqrt(np.diag(shrunk))
    return np.asarray(shrunk / scale[:, None] / scale)


def _cleaned(series: pd.Series, season: Any, *, trend: bool) -> tuple[Array, str]:
    """Take a season and odd periods out, and standardise."""
    values = series.to_numpy(dtype=float).copy()
    rows = np.flatnonzero(np.isfinite(values))
    calendar = step_of(frequency(series.index)).cycle
    period = calendar if season is True else None
    if season == "auto":
        period = find_season(values[rows] - values[rows].mean(), calendar, rows)
    notes = []
    if period is not None:
        values = values - seasonal_component(values, period)
        notes.append(f"effects of a {period}-period season removed")
    odd = find_odd(values[rows], rows, trend=trend)
    gone = rows[[one.row for one in odd]] if odd else rows[:0]
    values[gone] = np.nan
    if len(gone):
        shown = ", ".join(stamp(series.index[row], frequency(series.index)) for row in gone)
        notes.append(f"unusual periods set aside: {shown}")
    known = values[np.isfinite(values)]
    spread = float(known.std()) or 1.0
    return (values - known.mean()) / spread, "; ".join(notes)
