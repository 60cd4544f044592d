"""Has a loop come to rest, and when? A date, its interval, and whether the date means anything.

A slow drift that never rests has a "date of convergence", too: about two thirds of however long one
looked. The date is therefore never given without a verdict on the horizon: dated again on the first
three quarters of the run, a true plateau keeps its date and a drift moves it along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.breaks.segmentation import segment
from uploadtrends.errors import InputError
from uploadtrends.limits import inside, whole_number
from uploadtrends.loop.novelty import LEAST_ARTWORKS
from uploadtrends.result import Call, Result

LEAST_ITERATIONS = 20
_PLATEAU, _DRIFT, _DRIFT_AT_LEAST = 0.6, 0.5, 0.3
_VERDICTS = {
    "plateau": "came to rest",
    "drift": "did not come to rest: the date moves with the length of the run",
    "undecided": "may or may not have come to rest, which more repeats of each artwork would tell",
    "no change": "did not change",
}


@dataclass(frozen=True, repr=False, eq=False)
class Convergence(Result):
    """When the mean came to stay within a band around its end, and whether that is a plateau.

    Attributes
    ----------
    verdict : {"plateau", "drift", "undecided", "no change"}
    iteration : float
        From which on the mean stays within `band` of its total change of the mean of the last
        fifth; NaN where nothing changed.
    interval : (float, float)
        95%, cluster bootstrap over artworks.
    elasticity : (float, float, float)
        log ratio of the dates on all and on part of the run over the log ratio of their lengths,
        with its 90% interval: 0 for a plateau, 1 for a drift.
    sensitivity : pandas.DataFrame
        method, iteration: other ways to date it (half the band, a broken line, the change-point
        search), none of which can tell a plateau from a drift.
    """

    verdict: str
    iteration: float
    interval: tuple[float, float]
    elasticity: tuple[float, float, float]
    sensitivity: pd.DataFrame = field(repr=False)
    band: float
    iterations: int
    call: Call

    title = "Convergence of loops"

    def to_frame(self) -> pd.DataFrame:
        """Return one row: verdict, iteration, low, high, elasticity with its interval, band."""
        row = [self.verdict, self.iteration, *self.interval, *self.elasticity, self.band]
        columns = ["verdict", "iteration", "low", "high"]
        columns += ["elasticity", "elasticity_low", "elasticity_high", "band"]
        return pd.DataFrame([row], columns=columns)

    def summary(self) -> str:
        """Say whether it came to rest, and when."""
        text = f"Over {self.iterations} iterations the loop {_VERDICTS[self.verdict]}"
        if self.verdict == "plateau":
            low, high = self.interval
            text += (
                f": from iteration {self.iteration:.0f} (95% interval {low:.0f} to {high:.0f}) on "
                f"the mean stays within {self.band:.0%} of its total change of where it ended"
            )
        elif self.verdict != "no change":
            text += f" (by the same definition it would be dated at {self.iteration:.0f})"
        return text + "."


def convergence(
    values: Any,
    *,
    band: float = 0.10,
    horizon: float = 0.75,
    draws: int = 300,
    seed: int = 0,
) -> Convergence:
    """Date the iteration from which a loop's mean stays where it ends, with a verdict.

    Parameters
    ----------
    values : numpy.ndarray, shape (iterations, artworks), or DataFrame of that shape
        One value an artwork and iteration, for instance `CaptionLoop.by_artwork("content")`.
    band : float
        Half-width of "stays", as a share of the total change.
    horizon : float
        Share of the run on which it is dated a second time.
    draws : int
        Bootstrap samples of artworks.
    seed : int

    Raises
    ------
    InputError
        With fewer than 20 iterations or 10 artworks, or a band or horizon outside (0, 1).

    See Also
    --------
    caption_loop : Gives courses to judge.

    Examples
    --------
    >>> t, rng = np.arange(1, 101), np.random.default_rng(1)
    >>> rise = np.minimum(t / 66, 1)[:, None] + 0.05 * rng.standard_normal((100, 60))
    >>> convergence(rise).verdict
    'plateau'
    """
    try:
        data = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            "the values are no numbers",
            column="values",
            value=type(values).__name__,
            fix="give one number an iteration and artwork",
        ) from None
    if data.ndim != 2 or data.shape[0] < LEAST_ITERATIONS or data.shape[1] < LEAST_ARTWORKS:
        raise InputError(
            f"a verdict needs {LEAST_ITERATIONS} iterations of {LEAST_ARTWORKS} artworks",
            value=f"shape {data.shape}",
            fix="run more iterations or artworks",
        )
    inside("band", band, fix="use .1")
    inside("horizon", horizon, fix="use .75")
    draws = whole_number("draws", draws, 19)
    seed = whole_number("seed", seed)
    data = data[:, np.isfinite(data).all(axis=0)]
    total, works = data.shape
    if works < LEAST_ARTWORKS:
        raise InputError(
            f"a verdict needs {LEAST_ARTWORKS} artworks without a missing value",
            value=f"{works} artworks",
            fix="run more artworks; those with a picture that was withheld do not count",
        )
    short = round(horizon * total)
    rng = np.random.default_rng(seed)
    means = np.stack(
        [data.mean(axis=1)]
        + [data[:, rng.integers(works, size=works)].mean(axis=1) for _ in range(draws)]
    )
    dates, early = equivalence_dates(means, band), equivalence_dates(means[:, :short], band)
    elasticity = np.log(dates / early) / np.log(total / short)
    low, high = np.nanquantile(elasticity[1:], [0.05, 0.95])
    verdict = _verdict(means, elasticity[0], low, high)
    shown = float(dates[0]) if verdict != "no change" else np.nan
    interval = np.nanquantile(dates[1:], [0.025, 0.975])
    call = Call.of(
        {"band": band, "horizon": horizon, "draws": draws, "seed": seed},
        data,
        function="convergence",
    )
    return Convergence(
        verdict=verdict,
        iteration=shown,
        interval=(float(interval[0]), float(interval[1])),
        elasticity=(float(elasticity[0]), float(low), float(high)),
        sensitivity=_sensitivity(means[0], band),
        band=band,
        iterations=total,
        call=call,
    )


def _verdict(means: Array, elasticity: float, low: float, high: float) -> str:
    fifth = max(means.shape[1] // 5, 1)
    change = means[:, -fifth:].mean(axis=1) - means[:, : max(fifth // 4, 1)].mean(axis=1)
    ends = np.quantile(change[1:], [0.025, 0.975])
    if ends[0] <= 0 <= ends[1]:
        return "no change"
    if high < _PLATEAU:
        return "plateau"
    if low > _DRIFT_AT_LEAST and elasticity > _DRIFT:
        return "drift"
    return "undecided"


def equivalence_dates(means: Array, band: float) -> Array:
    """Return the first iteration from which each course stays within the band of its end.

    Parameters
    ----------
    means : numpy.ndarray, shape (m, iterations)
        Smoothed here over a window of a tenth of the run.
    band : float

    Returns
    -------
    numpy.ndarray, shape (m,)
        Counted from 1.
    """
    total = means.shape[1]
    smooth = _smoothed(means, max(total // 20, 1))
    fifth = max(total // 5, 1)
    end = means[:, -fifth:].mean(axis=1, keepdims=True)
    change = np.abs(end - smooth[:, :1])
    outside = np.abs(smooth - end) > band * change
    outside[:, -fifth:] = False  # the end is what the band is drawn around
    last = np.where(outside.any(axis=1), total - np.argmax(outside[:, ::-1], axis=1), 0)
    return np.asarray(last + 1.0)


def _smoothed(means: Array, half: int) -> Array:
    """Return running means over up to `half` iterations on either side."""
    total = means.shape[1]
    cumulated = np.concatenate([np.zeros((len(means), 1)), np.cumsum(means, axis=1)], axis=1)
    place = np.arange(total)
    reach = np.minimum(np.minimum(place, total - 1 - place), half)
    return np.asarray(
        (cumulated[:, place + reach + 1] - cumulated[:, place - reach]) / (2 * reach + 1)
    )


def _sensitivity(mean: Array, band: float) -> pd.DataFrame:
    """Date the mean course in other ways, for a reader who would have."""
    narrow = equivalence_dates(mean[None], band / 2)[0]
    rows = [
        ("equivalence, half the band", narrow),
        ("broken line (level after it)", broken_line(mean)),
        ("last change point of straight pieces", last_change(mean)),
    ]
    return pd.DataFrame(rows, columns=["method", "iteration"])


def last_change(mean: Array) -> float:
    """Return where the last of the straight pieces begins that the change-point search finds.

    The package's search (`breaks.segmentation.segment`) with a line a piece. A change costs three
    log n times the long-run variance of what a running mean leaves over. NaN where one line does.
    """
    total = len(mean)
    unit = (mean - mean.mean()) / max(float(mean.std()), 1e-12)
    left = unit - _smoothed(unit[None], max(total // 20, 2))[0]
    near = float(left[1:] @ left[:-1] / max(left @ left, 1e-12))
    near = min(max(near, 0.0), 0.9)
    noise = float(left @ left) / total * (1 + near) / (1 - near)
    price = 3 * float(np.log(total)) * max(noise, 1e-6)
    pieces = segment(unit, cost="linear", penalty=price, min_size=max(total // 20, 3))
    return float(pieces[-1] + 1) if pieces else float("nan")


def broken_line(mean: Array) -> float:
    """Return the iteration at which a straight rise that then stays level bends, least squares."""
    time = np.arange(1, len(mean) + 1, dtype=float)
    bends = np.arange(3.0, len(mean) - 1, 0.5)
    x = np.minimum(time[None], bends[:, None])
    x = x - x.mean(axis=1, keepdims=True)
    y = mean - mean.mean()
    gain = (x @ y) ** 2 / (x**2).sum(axis=1)
    return float(bends[np.argmax(gain)])
