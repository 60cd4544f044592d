"""How far a loop has moved from where it began: content (captions) and visual (pictures) novelty.

Novelty is 1 - cosine similarity of embeddings. Measured against the artwork's own first caption or
picture it is the loop's own; measured against earlier works of others it is the novelty of Zhou &
Lee (2024). The two have different names here and are never mixed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from uploadtrends.arrays import Array

LEAST_ARTWORKS = 10
"""Below this an interval of a mean over artworks says nothing."""


def cosine_novelty(embedded: Array, origin: Array) -> Array:
    """Return 1 - cosine similarity row by row.

    Parameters
    ----------
    embedded, origin : numpy.ndarray, shapes (..., n, d) and (n, d)

    Returns
    -------
    numpy.ndarray, shape (..., n)
        From 0 (same direction) to 2; 1 where a row is all zeros (an empty caption).
    """
    product = (embedded * origin).sum(axis=-1)
    length = np.linalg.norm(embedded, axis=-1) * np.linalg.norm(origin, axis=-1)
    return np.asarray(1 - np.divide(product, length, out=np.zeros_like(product), where=length > 0))


def novelty_among_others(embedded: Array, earlier: Array) -> Array:
    """Return 1 - the largest cosine similarity to any earlier work of others (Zhou & Lee 2024).

    Parameters
    ----------
    embedded, earlier : numpy.ndarray, shapes (n, d) and (m, d)
    """

    def unit(rows: Array) -> Array:
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(length > 0, length, 1))

    return np.asarray(1 - (unit(embedded) @ unit(earlier).T).max(axis=1))


def by_iteration(values: Array, chance: float | None = None) -> pd.DataFrame:
    """Summarise values of artworks by iteration.

    Parameters
    ----------
    values : numpy.ndarray, shape (iterations, artworks)
        NaN where an artwork is left out.
    chance : float, optional
        The value of unrelated artworks, repeated in a column.

    Returns
    -------
    pandas.DataFrame
        Index: iteration from 1. Columns: mean, sd (between artworks), low, high (95% interval of
        the mean; NaN below 10 artworks), artworks, chance.
    """
    known = np.isfinite(values)
    count = known.sum(axis=1)
    mean, sd = np.nanmean(values, axis=1), np.nanstd(values, axis=1, ddof=1)
    half = special.stdtrit(np.maximum(count - 1, 1), 0.975) * sd / np.sqrt(np.maximum(count, 1))
    half = np.where(count < LEAST_ARTWORKS, np.nan, half)
    return pd.DataFrame(
        {
            "mean": mean,
            "sd": sd,
            "low": mean - half,
            "high": mean + half,
            "artworks": count,
            "chance": np.nan if chance is None else chance,
        },
        index=pd.RangeIndex(1, len(values) + 1, name="iteration"),
    )
