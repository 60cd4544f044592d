"""The terms of an artist-level model: trend, ageing, and who carries an event's change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.series.grid import periods_per_year

if TYPE_CHECKING:
    import pandas as pd

Time = Literal["period", "trend"]
Tenure = Literal["spline", "none"]

KNOTS = (6.0, 18.0, 36.0, 60.0, 96.0)
"""Knots of the tenure spline, in months."""


def natural_spline(values: Array, knots: Sequence[float] = KNOTS) -> Array:
    """Return the non-linear columns of a natural cubic spline (Harrell 2001, equation 2.24).

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
    knots : sequence of float
        K of them; linear beyond the outer ones.

    Returns
    -------
    numpy.ndarray, shape (n, K - 2)
    """
    t = np.asarray(knots, dtype=float)
    last, before = t[-1], t[-2]
    scale = (last - t[0]) ** 2

    def cube(knot: float) -> Array:
        return np.maximum(values - knot, 0.0) ** 3

    columns = [
        (
            cube(knot)
            - cube(before) * (last - knot) / (last - before)
            + cube(last) * (before - knot) / (last - before)
        )
        / scale
        for knot in t[:-2]
    ]
    return np.column_stack(columns)


def trend_terms(index: pd.DatetimeIndex) -> list[tuple[str, Array]]:
    """Return a linear trend and, from two years on, two yearly harmonics, by period."""
    n = len(index)
    terms = [("trend", np.arange(n, dtype=float))]
    year = 2 * np.pi * (index.day_of_year.to_numpy() - 1) / 365.25
    if n >= 24 and periods_per_year(index) > 1:
        for wave in (1, 2):
            terms += [
                (f"sine {wave}", np.sin(wave * year)),
                (f"cosine {wave}", np.cos(wave * year)),
            ]
    return terms


def carriers(
    labels: tuple[str, ...], label: NDArray[np.int64], amount: Array | None, time: Time
) -> list[tuple[str, Array]]:
    """Return who carries an event's terms: everybody, each further group, or the dose."""
    found = []
    if time == "trend":
        found.append((labels[0], np.ones(len(label))))
    found += [
        (f"{name} vs {labels[0]}", (label == i).astype(float))
        for i, name in enumerate(labels)
        if i > 0
    ]
    return found if amount is None else [*found, ("dose", amount)]


def dose_of_rows(rows: pd.DataFrame, dose: pd.Series) -> Array:
    """Return each row's dose, by its artist_id."""
    whole = "give a Series of numbers indexed by artist_id that covers all of them"
    given = pd.Series(dose)
    if given.index.has_duplicates:
        twice = given.index[given.index.duplicated()][0]
        raise InputError("an artist has two doses", column="dose", value=twice, fix=whole)
    numbers = pd.to_numeric(given, errors="coerce")
    values = rows["artist_id"].map(numbers).to_numpy(dtype=float)
    missing = rows.loc[~np.isfinite(values), "artist_id"].nunique()
    if missing:
        problem = f"{missing} artists of the panel have no dose, or none that is a number"
        raise InputError(problem, column="dose", fix=whole)
    return values
