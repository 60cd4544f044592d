"""The shape that placebo cohorts look for, and the numbers that a figure of it draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array


def slopes(values: Array) -> Array:
    """Return the least-squares slope per period of each row; NaN periods are left out.

    Parameters
    ----------
    values : numpy.ndarray, shape (n_series, n_periods)
        The same periods are missing in every row.
    """
    seen = ~np.isnan(values[0])
    time = np.arange(values.shape[1], dtype=float)[seen]
    time -= time.mean()
    slope: Array = values[:, seen] @ time / (time @ time)
    return slope


def shape_shown(senior: Array, new: Array, months_before: int) -> NDArray[np.bool_]:
    """Tell for each draw whether seniors decline and newcomers rise.

    Parameters
    ----------
    senior, new : numpy.ndarray, shape (n_draws, n_months)
        Active artists (or uploads) a month of the two groups.
    months_before : int
        Months of the window before the cut; newcomers are judged from the cut on, so that the
        jump from "nobody can be new yet" does not count.

    Returns
    -------
    numpy.ndarray of bool, shape (n_draws,)
    """
    shown: NDArray[np.bool_] = (slopes(senior) < 0) & (slopes(new[:, months_before:]) > 0)
    return shown


def readings(group: NDArray[np.str_]) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return who is senior and who is new under each reading of the recipe."""
    senior, new, between = (group == name for name in ("senior", "new", "between"))
    return {
        "drop": (senior, new),
        "senior": (senior | between, new),
        "new": (senior, new | between),
    }


def yearly_mean(values: Array, months: slice) -> Array:
    """Return each draw's mean over some months, gaps left out; shape (n_draws,)."""
    mean: Array = np.nanmean(values[:, months], axis=1)
    return mean


def monthly_values(
    months: list[Any],
    uploads: Array,
    drawn: Array,
    groups: Mapping[str, NDArray[np.bool_]],
    gap: Array,
) -> pd.DataFrame:
    """Return what the figure draws: unit, group, month_in_window, month, value, mean, low, high.

    Parameters
    ----------
    months : list of datetime.date
        First days of the months of the window.
    uploads : numpy.ndarray, shape (n_eligible, n_months)
        Uploads of every artist that qualifies.
    drawn : numpy.ndarray, shape (n_draws, n_eligible)
        1 for those drawn.
    groups : mapping of str to mask
        The artists of each group.
    gap : numpy.ndarray, shape (n_months,)
        1, or NaN for a month that was not seen in full.
    """
    parts = []
    for unit, what in (("active_artists", (uploads > 0).astype(float)), ("uploads", uploads)):
        for name, mask in groups.items():
            values = drawn[:, mask] @ what[mask] * gap
            low, high = np.quantile(values, [0.025, 0.975], axis=0)
            parts.append(
                pd.DataFrame(
                    {
                        "unit": unit,
                        "group": name,
                        "month_in_window": np.arange(1, len(months) + 1),
                        "month": pd.to_datetime(pd.Series(months)),
                        "value": values[0],
                        "mean": values.mean(axis=0),
                        "low": low,
                        "high": high,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
