"""Bootstrap distribution of a change date, where neither theory nor a conjugate prior gives one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.likelihood.posterior import Posterior
from uploadtrends.breaks.partition import best_split, errors_of

N_BOOTSTRAP = 299


def bootstrap_dates(
    values: Array, date: int, cost: Any, minimum: int, seed: int, *, offset: int = 0
) -> Posterior:
    """Return the bootstrap distribution of the date of one change, as a posterior-like pair.

    Values either side are redrawn in circular blocks of length m^(1/3) (Huskova & Kirch 2008) and
    the change is located again with the same cost.

    Parameters
    ----------
    values : array of shape (n,)
        The two regimes around the change.
    date : int
        Position of the change in `values`.
    cost : cost object
        Is copied, not changed.
    minimum : int
        Shortest segment.
    offset : int
        Added to the positions returned.

    Returns
    -------
    positions : array of int
    share : array, summing to 1
    """
    rng = np.random.default_rng((seed, len(values), date))
    again = copy.deepcopy(cost)
    places = []
    for _ in range(N_BOOTSTRAP):
        drawn = np.concatenate([_blocks(rng, values[:date]), _blocks(rng, values[date:])])
        again.fit(drawn)
        places.append(best_split(errors_of(again), 0, len(values), minimum)[0])
    positions, counts = np.unique(places, return_counts=True)
    share: Array = counts / counts.sum()
    return positions.astype(np.intp) + offset, share


def _blocks(rng: np.random.Generator, values: Array) -> Array:
    m = len(values)
    length = max(1, round(m ** (1.0 / 3.0)))
    starts = rng.integers(0, m, size=-(-m // length))
    drawn: Array = values[(starts[:, None] + np.arange(length)).ravel()[:m] % m]
    return drawn
