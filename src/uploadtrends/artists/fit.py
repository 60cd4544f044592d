"""Fit an artist-level design: by pyfixest, or as data for the conditional likelihood."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.artists.design import ArtistDesign, Spec
from uploadtrends.artists.likelihood import ArtistData, units

if TYPE_CHECKING:
    import pandas as pd


def fit_poisson(design: ArtistDesign, spec: Spec) -> tuple[ArtistDesign, Array, Array]:
    """Fit by pyfixest; return the design without collinear terms, coefficients and covariance.

    The covariance is clustered by artist, times G / (G - 1).
    """
    if not design.names:
        return design, np.zeros(0), np.zeros((0, 0))
    names = [f"x{j}" for j in range(len(design.names))]
    frame = design.rows[["artist", "period", "y", "weight", "offset"]].copy()
    size = units(design.x)
    frame[names] = design.x / size
    weighted = bool((frame["weight"] != 1).any())
    effects = "artist + period" if spec.time == "period" else "artist"
    with warnings.catch_warnings():
        # pyfixest 0.60 uses arguments that pandas 3.1 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        fit = _fepois(frame, names, effects, weighted)
    found = {name: i for i, name in enumerate(fit._coefnames)}
    keep = np.array([name in found for name in names])
    order = [found[name] for name in names if name in found]
    refused = dict(design.refused)
    for (block, _, name), place in design.effects.items():
        if not keep[place]:
            refused[block, name] = "other terms of the model explain it entirely"
    dropped = [name for name, kept in zip(design.names, keep, strict=True) if not kept]
    design = design.only(keep, refused)
    if dropped:
        design = design.noting(f"not identified and dropped: {', '.join(dropped)}")
    beta = np.asarray(fit._beta_hat, dtype=float)[order] / size[keep]
    covariance = np.asarray(fit._vcov, dtype=float)[np.ix_(order, order)]
    covariance = covariance / np.outer(size[keep], size[keep])
    return _without_separated(design, beta, covariance)


FARTHEST = 10.0
"""Log rate ratios beyond this, a factor of 22,000, have no end: nobody uploaded on one side."""
SEPARATED = "one side of the comparison has no upload at all, so its log ratio has no end"


def _without_separated(
    design: ArtistDesign, beta: Array, covariance: Array
) -> tuple[ArtistDesign, Array, Array]:
    """Leave out events' terms that run away; the search stops at some size, with some error."""
    own = np.array([name.startswith(_NUISANCES) for name in design.names])
    size = np.maximum(np.abs(beta), np.sqrt(np.diag(covariance)) / 2)
    near = own | (size * np.abs(design.x).max(axis=0) <= FARTHEST)
    if near.all():
        return design, beta, covariance
    refused = dict(design.refused)
    for (block, _, name), place in design.effects.items():
        if not near[place]:
            refused[block, name] = SEPARATED
    gone = [name for name, kept in zip(design.names, near, strict=True) if not kept]
    design = design.only(near, refused).noting(f"no uploads to compare: {', '.join(gone)}")
    return design, beta[near], covariance[np.ix_(near, near)]


_NUISANCES = ("tenure spline", "trend", "sine", "cosine", "group[")


def _fepois(frame: pd.DataFrame, names: list[str], effects: str, weighted: bool) -> Any:
    import pyfixest

    return pyfixest.fepois(
        f"y ~ {' + '.join(names)} | {effects}",
        data=frame,
        vcov={"CRV1": "artist"},
        ssc=pyfixest.ssc(k_adj=False, G_adj=True),
        weights="weight" if weighted else None,
        offset="offset" if (frame["offset"] != 0).any() else None,
        fixef_rm="none",
        iwls_maxiter=100,
        copy_data=False,
        store_data=False,
    )


def conditional_data(design: ArtistDesign, spec: Spec) -> ArtistData:
    """Return the rows for the conditional likelihood; period effects become columns."""
    rows = design.rows
    x = design.x
    if spec.time == "period":
        periods = np.unique(rows["period"])
        dummies = rows["period"].to_numpy()[:, None] == periods[None, 1:]
        x = np.column_stack([x, dummies.astype(float)])
    artist = rows["artist"].to_numpy()
    first = np.flatnonzero(np.r_[True, np.diff(artist) != 0])
    return ArtistData(
        y=rows["y"].to_numpy(dtype=float),
        x=x,
        artist=artist,
        offset=rows["offset"].to_numpy(),
        weight=rows["weight"].to_numpy()[first],
    )
