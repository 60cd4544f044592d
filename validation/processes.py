"""Processes on which nothing happens at the event, or something that a step does not describe.

Every draw's seed is the crc32 of its full name, so that a cell can be drawn again alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]
SD = 0.1
"""Standard deviation of the errors, in log points."""
EVENT = 0.6
"""Share of the series before the event."""


def seed_of(*name: object) -> np.random.Generator:
    """Return the generator of a cell, from the crc32 of its full name."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, name)).encode()))


def ar(rng: np.random.Generator, m: int, n: int, phi: float, scale: Array | float = 1.0) -> Array:
    """Return AR(1) series of unit standard deviation; `scale` (n,) multiplies the innovations."""
    shocks = rng.standard_normal((m, n)) * scale
    shocks[:, 1:] *= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks, axis=1))


def fractional(rng: np.random.Generator, m: int, n: int, d: float) -> Array:
    """Return ARFIMA(0, d, 0) of unit variance (Hosking 1981), from its exact covariance."""
    k = np.arange(1, n)
    rho = np.concatenate([[1.0], np.cumprod((k - 1 + d) / (k - d))])
    root = np.linalg.cholesky(rho[np.abs(np.subtract.outer(np.arange(n), np.arange(n)))])
    return np.asarray(rng.standard_normal((m, n)) @ root.T)


def bend(total: float, n: int) -> Array:
    """Return a course of constant second difference whose middle lies `total` off its chord."""
    return total * (2 * np.arange(n) / n - 1) ** 2


def logistic(n: int) -> Array:
    """Return growth by one log point, half of it at the middle."""
    return 1 / (1 + np.exp(-8 * (np.arange(n) / n - 0.5)))


def noisy(rng: np.random.Generator, m: int, n: int, phi: float, share: float) -> Array:
    """Return AR(1) with white noise on top, unit variance."""
    slow = np.sqrt(1 - share) * ar(rng, m, n, phi)
    return slow + np.sqrt(share) * rng.standard_normal((m, n))


def sine(rng: np.random.Generator, m: int, n: int) -> Array:
    """Return slow waves of amplitude .15 and period n, each at a random phase."""
    phase = rng.uniform(0, 2 * np.pi, (m, 1))
    return 0.15 * np.sin(2 * np.pi * np.arange(n) / n + phase)


Draw = Callable[[np.random.Generator, int, int], Array]
SMOOTH: dict[str, Draw] = {
    "AR(.4)": lambda g, m, n: SD * ar(g, m, n, 0.4),
    "AR(.95)": lambda g, m, n: SD * ar(g, m, n, 0.95),
    **{
        f"bend {total}": lambda g, m, n, b=total: bend(b, n) + SD * ar(g, m, n, 0.4)
        for total in (0.1, 0.2, 0.3, 0.6)
    },
    "logistic growth": lambda g, m, n: logistic(n) + SD * ar(g, m, n, 0.4),
    "random walk": lambda g, m, n: 0.05 * g.standard_normal((m, n)).cumsum(axis=1),
    "long memory .3": lambda g, m, n: SD * fractional(g, m, n, 0.3),
    "long memory .45": lambda g, m, n: SD * fractional(g, m, n, 0.45),
    "AR(.85) + 50% noise": lambda g, m, n: SD * noisy(g, m, n, 0.85, 0.5),
    "AR(.9) + 70% noise": lambda g, m, n: SD * noisy(g, m, n, 0.9, 0.7),
    "sine wave": lambda g, m, n: sine(g, m, n) + SD * ar(g, m, n, 0.4),
}
"""Name -> logarithms (m, n) without any effect, up to a straight line."""


def covid(n: int) -> Array:
    """Return a bump of .4 log from 2020-03 to 2021-06, the event being in 2022-08."""
    months = np.arange(n) - int(EVENT * n)
    # 2020-03 is 29 months before 2022-08, 2021-06 is 14.
    return np.where((months >= -29) & (months <= -14), 0.4, 0.0)


def seasonal(rng: np.random.Generator, m: int, n: int) -> Array:
    """Return (1 - .4 B)(1 - .5 B^12) y = e of unit variance, after a burn-in."""
    shocks = rng.standard_normal((m, n + 240))
    polynomial = np.convolve([1.0, -0.4], [1.0, *np.zeros(11), -0.5])
    y = lfilter([1.0], polynomial, shocks, axis=1)[:, 240:]
    return np.asarray(y * np.sqrt((1 - 0.16) * (1 - 0.25)))


def heavy(rng: np.random.Generator, m: int, n: int) -> Array:
    """Return AR(.4) with t3 innovations, of about unit variance."""
    shocks = rng.standard_t(3, (m, n + 50)) / np.sqrt(3) * np.sqrt(1 - 0.16)
    return np.asarray(lfilter([1.0], [1.0, -0.4], shocks, axis=1)[:, 50:])


def peak(n: int) -> Array:
    """Return a season that no sine draws: +.3 in December, -.15 in January."""
    month = np.arange(n) % 12
    return np.where(month == 11, 0.3, np.where(month == 0, -0.15, 0.0))


def winter(n: int) -> Array:
    """Return the size of the noise: three times as large from December to February."""
    return np.where(np.isin(np.arange(n) % 12, (11, 0, 1)), 3.0, 1.0)


def later(n: int) -> Array:
    """Return the size of the noise: three times as large after the event."""
    return np.where(np.arange(n) >= int(EVENT * n), 3.0, 1.0)


def since(n: int) -> Array:
    """Return periods since the event, 1 in the first one after."""
    return np.arange(n) - int(EVENT * n) + 1.0


def inflated(rng: np.random.Generator, m: int, n: int) -> Array:
    """Return counts of mean 3 of which 30% are zeros of their own, rate AR(.4) sd .3."""
    rate = 3 / 0.7 * np.exp(0.3 * ar(rng, m, n, 0.4) - 0.045)
    return np.asarray(rng.poisson(rate) * (rng.random((m, n)) > 0.3), dtype=float)


def bursty(rng: np.random.Generator, m: int, n: int) -> Array:
    """Return monthly sums (mean 12) of days that excite the next ones by half."""
    days = np.zeros((m, n * 30))
    days[:, 0] = rng.poisson(0.4, m)
    memory = np.zeros(m)
    for t in range(1, days.shape[1]):
        memory = 0.9 * memory + 0.05 * days[:, t - 1]
        days[:, t] = rng.poisson(0.2 + memory)
    return np.asarray(days.reshape(m, n, 30).sum(axis=2))


def latent(rng: np.random.Generator, m: int, n: int, phi: float) -> Array:
    """Return counts of mean 30 whose log rate is AR(phi) of sd .3."""
    return np.asarray(rng.poisson(30 * np.exp(0.3 * ar(rng, m, n, phi))), dtype=float)


OTHER: dict[str, Draw] = {
    "seasonal AR": lambda g, m, n: SD * seasonal(g, m, n),
    "season without sine shape": lambda g, m, n: peak(n) + SD * ar(g, m, n, 0.4),
    "pandemic before the event": lambda g, m, n: covid(n) + SD * ar(g, m, n, 0.4),
    "winter noise 3 times": lambda g, m, n: SD * ar(g, m, n, 0.4, winter(n)),
    "noise after 3 times": lambda g, m, n: SD * ar(g, m, n, 0.4, later(n)),
    "t3 errors": lambda g, m, n: SD * heavy(g, m, n),
}
"""As `SMOOTH`: monthly logarithms without an effect."""
SHAPED: dict[str, Draw] = {
    "gradual onset over 6": lambda g, m, n: (
        -0.3 * np.clip(since(n) / 6, 0, 1) + SD * ar(g, m, n, 0.4)
    ),
    "starts 3 early": lambda g, m, n: -0.3 * (since(n) > -3) + SD * ar(g, m, n, 0.4),
    "transient, 6 long": lambda g, m, n: (
        -0.3 * ((since(n) >= 1) & (since(n) <= 6)) + SD * ar(g, m, n, 0.4)
    ),
}
"""Effects that a step does not describe; the level change of the full effect is -.3."""
COUNTS: dict[str, Draw] = {
    "zero-inflated counts": inflated,
    "bursty counts": bursty,
    "counts, latent .4": lambda g, m, n: latent(g, m, n, 0.4),
    "counts, latent .9": lambda g, m, n: latent(g, m, n, 0.9),
}
"""Counts without an effect."""
