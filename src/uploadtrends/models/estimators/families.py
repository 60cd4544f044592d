"""The error models over which the default covariance is averaged, and their inverses.

Three families that look alike in a short series and differ in how slowly they forget: AR(1), AR(1)
seen through white noise, and fractional noise ARFIMA(0, d, 0) (Granger & Joyeux 1980; Hosking
1981). One member is one autocorrelation function; its prior weight is that of its family times the
arcsine prior of phi (Berger & Yang 1994) or a uniform one over shares of noise and over d.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpttrf, dpttrs
from scipy.special import gammaln

from uploadtrends.arrays import Array

FAMILY_WEIGHTS = {"ar1": 0.75, "ar1-plus-noise": 0.15, "long-memory": 0.10}
"""Prior weight of each family."""
PHI: Array = np.round(np.append(np.arange(-0.6, 0.85, 0.08), [0.90, 0.93, 0.96, 0.98]), 2)
SHARES: Array = np.round(np.arange(0.15, 0.91, 0.15), 2)
"""Of the variance that is white noise."""
FRACTIONS: Array = np.round(np.append(np.arange(0.05, 0.46, 0.05), 0.48), 2)
"""Of differencing, d."""


DENSE = 250
"""Longest span, in periods, whose inverse matrices are kept."""
_FEW = 8
"""Series up to which LAPACK whitens faster."""
_AT_ONCE = 2**17
"""Numbers that are looked at together."""
MOST_SLOW = 1500
"""Most periods with a gap among them for which fractional noise is still fitted."""


@dataclass(frozen=True)
class Members:
    """All members, one entry each (g,)."""

    family: Array
    phi: Array
    """Autoregressive parameter; 0 for fractional noise."""
    share: Array
    """Share of white noise; 0 where there is none."""
    fraction: Array
    """d of fractional noise; 0 elsewhere."""
    log_prior: Array

    @cached_property
    def lag_one(self) -> Array:
        """Autocorrelation at distance one (g,)."""
        return correlations(2)[:, 1]


@lru_cache(maxsize=1)
def members() -> Members:
    """Return every member with its prior weight."""
    edges = np.concatenate([[PHI[0] - 0.04], (PHI[1:] + PHI[:-1]) / 2, [0.99]])
    prior = np.diff(edges) / np.sqrt(1 - PHI**2)
    high = PHI > 0.3
    parts = [
        ("ar1", PHI, np.zeros(PHI.size), np.zeros(PHI.size), prior),
        (
            "ar1-plus-noise",
            np.repeat(PHI[high], SHARES.size),
            np.tile(SHARES, int(high.sum())),
            np.zeros(int(high.sum()) * SHARES.size),
            np.repeat(prior[high], SHARES.size),
        ),
        ("long-memory", *np.zeros((2, FRACTIONS.size)), FRACTIONS, np.ones(FRACTIONS.size)),
    ]
    return Members(
        family=np.concatenate([np.repeat(name, len(phi)) for name, phi, *_ in parts]),
        phi=np.concatenate([phi for _, phi, *_ in parts]),
        share=np.concatenate([share for _, _, share, *_ in parts]),
        fraction=np.concatenate([d for _, _, _, d, _ in parts]),
        log_prior=np.log(
            np.concatenate([FAMILY_WEIGHTS[name] * w / w.sum() for name, *_, w in parts])
        ),
    )


@lru_cache(maxsize=8)
def correlations(length: int) -> Array:
    """Return autocorrelations at distances 0 to length - 1 of every member, shape (g, length)."""
    chosen, lags = members(), np.arange(length)
    powers = np.sign(chosen.phi)[:, None] ** lags * np.abs(chosen.phi)[:, None] ** lags
    found = (1 - chosen.share)[:, None] * powers
    found[:, 0] = 1.0
    slow = chosen.family == "long-memory"
    d, k = chosen.fraction[slow][:, None], np.arange(1, length)
    found[slow, 1:] = np.cumprod((k - 1 + d) / (k - d), axis=1)
    found.flags.writeable = False
    return found


@lru_cache(maxsize=4)
def _whole(length: int) -> tuple[Array, Array]:
    """Return the inverse correlation matrices of a grid without gaps (g, N, N), and log det V."""
    rho = correlations(length)
    lags = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    matrices = rho[:, lags]
    _, log_determinant = np.linalg.slogdet(matrices)
    return np.linalg.inv(matrices), log_determinant


def inverse_correlations(positions: Array) -> tuple[Array, Array]:
    """Return V^-1 of the rows at these calendar positions, every member: (g, n, n), and log det V.

    Taken from that of the grid without gaps: if the rows d are left out, V_rr^-1 = G_rr -
    G_rd G_dd^-1 G_dr and log |V_rr| = log |V| + log |G_dd| with G = V^-1, so that a washout costs
    next to nothing. Kept for the next designs on the same rows.
    """
    return _inverses((positions - positions[0]).astype(int).tobytes())


@lru_cache(maxsize=2)
def _inverses(places: bytes) -> tuple[Array, Array]:
    rows = np.frombuffer(places, dtype=int)
    length = int(rows[-1]) + 1
    whole, log_determinant = _whole(length)
    if rows.size == length:
        return whole, log_determinant
    out = np.setdiff1d(np.arange(length), rows)
    kept, cross, middle = (
        whole[:, some[:, None], others] for some, others in ((rows, rows), (rows, out), (out, out))
    )
    kept -= cross @ np.linalg.solve(middle, cross.transpose(0, 2, 1))
    return kept, log_determinant + np.linalg.slogdet(middle)[1]


def solve(columns: Array, positions: Array) -> tuple[Array, Array]:
    """Return V^-1 columns, every member: (g, n, c), and log det V (g,); for series of any length.

    Nothing of size n x n is formed for AR(1), with or without noise: with T = R^-1 tridiagonal,
    (a R + b I)^-1 = T (a I + b T)^-1. The inverse of fractional noise is known in closed form; see
    `solve_fractional`. Where that is out of reach (more than `MOST_SLOW` periods and a gap) its log
    det is infinite, so that it weighs nothing.
    """
    chosen = members()
    g, n = chosen.phi.size, len(columns)
    found, log_determinant = np.empty((g, *columns.shape)), np.full(g, np.inf)
    slow = chosen.family == "long-memory"
    fast = slice(0, g - int(slow.sum()))  # they come first
    _, log_determinant[fast] = solve_markov(
        columns, np.diff(positions), chosen.phi[fast], chosen.share[fast], found[fast]
    )
    place = (positions - positions[0]).astype(int)
    holes = int(place[-1]) + 1 - n
    if holes == 0 or (n <= MOST_SLOW and holes <= n // 5):
        found[slow], log_determinant[slow] = _solve_slow(columns, place, chosen.fraction[slow])
    elif n <= MOST_SLOW:
        lags = np.abs(np.subtract.outer(place, place))
        for i in np.flatnonzero(slow):
            matrix = correlations(int(place[-1]) + 1)[i][lags]
            found[i] = np.linalg.solve(matrix, columns)
            log_determinant[i] = np.linalg.slogdet(matrix)[1]
    else:
        found[slow] = 0.0
    return found, log_determinant


def _solve_slow(columns: Array, place: Array, d: Array) -> tuple[Array, Array]:
    """Return V^-1 columns and log det V for fractional noise with few holes: from those of the grid
    without, as in `inverse_correlations`."""
    c, length = columns.shape[1], int(place[-1]) + 1
    out = np.setdiff1d(np.arange(length), place)
    whole = np.zeros((length, c + out.size))
    whole[place, :c] = columns
    whole[out, c + np.arange(out.size)] = 1.0
    solved, log_determinant = solve_fractional(whole, d)
    found, cross = solved[:, :, :c], solved[:, :, c:]
    middle = cross[:, out]
    found = found - cross @ np.linalg.solve(middle, found[:, out])
    return found[:, place], log_determinant + np.linalg.slogdet(middle)[1]


def solve_markov(
    columns: Array, gaps: Array, phi: Array, share: Array, out: Array | None = None
) -> tuple[Array, Array]:
    """Return V^-1 columns (g, n, c) and log det V (g,) for V = (1 - share) R(phi) + share I."""
    r = np.sign(phi)[:, None] ** gaps * np.abs(phi)[:, None] ** gaps
    fresh = 1 - r**2
    diagonal = np.ones((phi.size, columns.shape[0]))
    diagonal[:, 1:] += r**2 / fresh
    diagonal[:, :-1] += r**2 / fresh
    beside = -r / fresh
    log_determinant = np.log(fresh).sum(axis=1)
    found = np.empty((phi.size, *columns.shape)) if out is None else out
    # As many members at once as stay in the processor's cache.
    step = max(1, _AT_ONCE // columns.size)
    for part in (slice(i, i + step) for i in range(0, phi.size, step)):
        half = np.repeat(columns[None], share[part].size, axis=0)
        for one, i in zip(half, range(part.start, phi.size), strict=False):
            if share[i] > 0:
                # (1 - share) I + share T: the pivots of its factor L D L' give the determinant.
                own = share[i]
                pivots, lower, _ = dpttrf(1 - own + own * diagonal[i], own * beside[i])
                one[:], _ = dpttrs(pivots, lower, columns)
                log_determinant[i] += np.log(pivots).sum()
        np.multiply(diagonal[part, :, None], half, out=found[part])
        found[part, :-1] += beside[part, :, None] * half[:, 1:]
        found[part, 1:] += beside[part, :, None] * half[:, :-1]
    return found, log_determinant


def whitened_series(y: Array, columns: Array, rho: Array, place: Array) -> Array:
    """Return columns (n, c) and each series (m, n) whitened by its own correlations (m, N) at the
    whole periods `place` (n,), of which the first is 0.

    Shape (m, n, c + 1), the series last: L^-1 times them with V = L L'.
    """
    m, n = y.shape
    if place[-1] + 1 == n and (m > _FEW or n >= DENSE):
        return _predicted(y, columns, rho)
    root = np.linalg.cholesky(rho[:, np.abs(np.subtract.outer(place, place))])
    solved = partial(solve_triangular, lower=True, check_finite=False)
    pairs = zip(root, y, strict=True)
    return np.stack([solved(own, np.column_stack([columns, one])) for own, one in pairs])


def _predicted(y: Array, columns: Array, rho: Array) -> Array:
    """Return `whitened_series` without holes: errors of one-step predictions (Durbin 1960) over
    their standard deviation."""
    m, n = y.shape
    # Series lie side by side: every step is a few sums over whole rows.
    series, rho = np.ascontiguousarray(y.T), np.ascontiguousarray(rho.T)
    # At first what the past predicts of each (of columns its negative), with the weights of the
    # past, earliest first.
    found = np.zeros((n, columns.shape[1] + 1, m))
    past, ahead, work = np.empty((3, n, m))
    variance = np.ones((n, m))
    for t in range(1, n):
        before, now = past[: t - 1], ahead[:t]
        now[0] = (rho[t] - np.einsum("tm,tm->m", before, rho[1:t])) / variance[t - 1]
        np.multiply(now[0], before[::-1], out=work[: t - 1])
        np.subtract(before, work[: t - 1], out=now[1:])
        variance[t] = variance[t - 1] * (1 - now[0] ** 2)
        np.matmul(-columns[:t].T, now, out=found[t, :-1])
        np.einsum("tm,tm->m", now, series[:t], out=found[t, -1])
        past, ahead = ahead, past
    found[:, :-1] += columns[:, :, None]
    np.subtract(series, found[:, -1], out=found[:, -1])
    found /= np.sqrt(variance)[:, None]
    return found.transpose(2, 0, 1)


def solve_fractional(columns: Array, d: Array) -> tuple[Array, Array]:
    """Return V^-1 columns (g, n, c) and log det V (g,) for ARFIMA(0, d, 0) without gaps.

    The best predictor from k values before has weights -C(k, j) G(j - d) G(k - d - j + 1) /
    (G(-d) G(k - d + 1)) with G the gamma function, and its reflection is d / (k - d) (Hosking
    1981). The longest predictor generates the inverse of a Toeplitz matrix (Gohberg & Semencul
    1972), a difference of two products of triangular ones, each a convolution.
    """
    n = columns.shape[0]
    size, spectra, variance, log_determinant = _generators(n, d.tobytes())
    # L'x reads backwards what L x reads forwards.
    backwards = rfft(columns[::-1], size, axis=0)
    found = np.empty((d.size, *columns.shape))
    for i, pair in enumerate(spectra):
        upper = irfft(pair[:, :, None] * backwards, size, axis=1)[:, :n][:, ::-1]
        ahead = pair[:, :, None] * rfft(upper, size, axis=1)
        found[i] = irfft(ahead[0] - ahead[1], size, axis=0)[:n] / variance[i]
    return found, log_determinant


@lru_cache(maxsize=4)
def _generators(n: int, fractions: bytes) -> tuple[int, Array, Array, Array]:
    """Return FFT length, spectra (g, 2, ...) of both generators, variances and log det V (g,)."""
    d, m = np.frombuffer(fractions)[:, None], n - 1
    before = np.arange(1, n)
    left = np.log1p(-((d / (before - d)) ** 2))
    log_weights = (
        gammaln(n) - gammaln(before + 1) - gammaln(n - before)
        + gammaln(before - d) + gammaln(m - d - before + 1)
        - gammaln(1 - d) - gammaln(m - d + 1)
    )  # fmt: skip
    # G(-d) = G(1 - d) / -d, so that the weights are positive for d > 0; errors subtract them.
    first = np.concatenate([np.ones_like(d), -d * np.exp(log_weights)], axis=1)
    last = np.concatenate([np.zeros_like(d), first[:, :0:-1]], axis=1)
    size = next_fast_len(2 * n, real=True)
    spectra = rfft(np.stack([first, last], axis=1), size, axis=2)
    return size, spectra, np.exp(left.sum(axis=1)), (left * (n - before)).sum(axis=1)
