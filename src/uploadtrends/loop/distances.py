"""How far two sets of embedded works are apart, and how varied one set is.

All arguments are arrays of embeddings, one row a work. With a few hundred works in hundreds of
dimensions a plain Frechet distance is mostly bias: two sets from one distribution of 2,048
dimensions read over 1,000 at 270 works each. Defaults therefore work in a small basis fitted on
*other* works, and extrapolate to infinitely many.
"""

from __future__ import annotations

import numpy as np
import scipy

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError

LEAST_WORKS = 30
"""Below this a Frechet distance says nothing."""


def plain_frechet(one: Array, other: Array) -> float:
    """Return the squared Frechet distance of two normal laws with these samples' moments.

    Parameters
    ----------
    one, other : numpy.ndarray, shapes (n, d) and (m, d)

    Notes
    -----
    |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)) (Dowson & Landau 1982; Heusel et al. 2017).
    The last trace is the nuclear norm of the cross Gram matrix of the centred samples, so that no
    d by d root is taken. Biased upwards: at 270 works and 2,048 dimensions by more than 1,000.
    """
    left, right = (_centred(part) for part in (one, other))
    shift = one.mean(axis=0) - other.mean(axis=0)
    small = min(len(one), len(other)) < one.shape[1]
    if small:
        overlap = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    else:
        overlap = np.linalg.svd(_root(left) @ _root(right).T, compute_uv=False).sum()
    return float(shift @ shift + (left**2).sum() + (right**2).sum() - 2 * overlap)


def _centred(part: Array) -> Array:
    centred: Array = (part - part.mean(axis=0)) / np.sqrt(len(part) - 1)
    return centred


def _root(left: Array) -> Array:
    return np.asarray(np.linalg.qr(left, mode="r"))


def frechet_distance(
    generated: Array,
    reference: Array,
    *,
    basis: Array | None = None,
    dimensions: int = 64,
    paired: bool = False,
    draws: int = 15,
    seed: int = 0,
) -> float:
    """Return the Frechet distance extrapolated to infinitely many works, in a small basis.

    Parameters
    ----------
    generated, reference : numpy.ndarray, shapes (n, d) and (m, d)
    basis : numpy.ndarray, shape (k, d), optional
        Works in neither set; their principal components are the basis. Without it, the reference's
        own are used, which reads too high.
    dimensions : int
        Components kept.
    paired : bool
        Row i of both sets belongs to one artwork: subsamples take the same rows of both.
    draws : int
        Subsamples of each of eight sizes between half and all.
    seed : int
        Of the subsamples.

    Notes
    -----
    FD at N works is FD + c/N to first order (Chong & Forsyth 2020), so that the intercept of FD on
    1/N is free of that bias; here both sides shrink together.

    Raises
    ------
    InputError
        With fewer than 30 works on a side, or embeddings of different width.
    """
    require_works(generated, reference)
    project = principal_basis(reference if basis is None else basis, dimensions)
    one, other = project(generated), project(reference)
    rng = np.random.default_rng(seed)
    most = min(len(one), len(other))
    sizes = np.unique(np.linspace(max(most // 2, 2), most, 8).astype(int))
    inverse, values, weight = [], [], []
    for size in sizes:
        # All works of both sides are one sample, however often they are drawn.
        n_draws = 1 if size == len(one) == len(other) else draws
        for _ in range(n_draws):
            rows = rng.permutation(len(one))[:size]
            others = rows if paired else rng.permutation(len(other))[:size]
            inverse.append(1 / size)
            values.append(plain_frechet(one[rows], other[others]))
            weight.append(1 / np.sqrt(n_draws))
    design = np.column_stack([np.ones(len(inverse)), inverse]) * np.array(weight)[:, None]
    solved = np.linalg.lstsq(design, np.array(values) * weight, rcond=None)[0]
    return float(solved[0])


def frechet_bracket(
    generated: Array, reference: Array, *, swaps: int = 20, seed: int = 0
) -> tuple[float, float]:
    """Return what a plain full-dimensional distance of paired works can mean: (at least, at most).

    The upper end is the plain distance. The lower end subtracts its value when the members of pairs
    are swapped at random, which keeps the pairing and has a true distance of 0.
    """
    plain = plain_frechet(generated, reference)
    rng = np.random.default_rng(seed)
    floor = []
    for _ in range(swaps):
        swap = rng.random(len(generated)) < 0.5
        one = np.where(swap[:, None], reference, generated)
        other = np.where(swap[:, None], generated, reference)
        floor.append(plain_frechet(one, other))
    return plain - float(np.mean(floor)), plain


def kernel_distance(generated: Array, reference: Array, *, paired: bool = False) -> float:
    """Return the unbiased squared kernel distance with the cubic kernel (x.y/d + 1)^3.

    Parameters
    ----------
    generated, reference : numpy.ndarray, shapes (n, d) and (m, d)
    paired : bool
        Row i of both sets belongs to one artwork: these pairs are left out of the cross term, where
        they would pull the distance below 0.

    Notes
    -----
    Binkowski et al. (2018), the U-statistic.
    """
    require_works(generated, reference)
    width = generated.shape[1]

    def kernel(one: Array, other: Array) -> Array:
        product: Array = (one @ other.T / width + 1) ** 3
        return product

    n, m = len(generated), len(reference)
    within = kernel(generated, generated)
    among = kernel(reference, reference)
    cross = kernel(generated, reference)
    inside = (within.sum() - np.trace(within)) / (n * (n - 1))
    outside = (among.sum() - np.trace(among)) / (m * (m - 1))
    between = (cross.sum() - np.trace(cross)) / (n * (n - 1)) if paired else cross.mean()
    return float(inside + outside - 2 * between)


def precision_recall(generated: Array, reference: Array, *, k: int = 5) -> tuple[float, float]:
    """Return precision and recall by k nearest neighbours (Kynkaanniemi et al. 2019).

    Precision is the share of generated works inside the reference's neighbourhoods, recall the
    share of reference works inside the generated ones'.

    Raises
    ------
    InputError
        If a side has no more than `k` works.
    """
    if min(len(generated), len(reference)) <= k:
        raise InputError("too few works for their neighbours", column="k", value=k)

    def covered(inside: Array, of: Array) -> float:
        reach = np.sort(scipy.spatial.distance.cdist(of, of), axis=1)[:, k]
        return float((scipy.spatial.distance.cdist(inside, of) <= reach).any(axis=1).mean())

    return covered(generated, reference), covered(reference, generated)


def vendi_score(works: Array) -> float:
    """Return the effective number of different works (Friedman & Dieng 2023), cosine kernel.

    From 1 (all alike) to n (all orthogonal). It rises, too, when works fly apart into noise: never
    read it as variety alone.
    """
    length = np.linalg.norm(works, axis=1, keepdims=True)
    unit = works / np.where(length > 0, length, 1)
    values = np.linalg.svd(unit / np.sqrt(len(unit)), compute_uv=False) ** 2
    share = values[values > 1e-12]
    return float(np.exp(-(share * np.log(share)).sum()))


def class_number(labels: Array) -> float:
    """Return the effective number of classes, exp of the entropy of their shares."""
    _, counts = np.unique(labels, return_counts=True)
    share = counts / counts.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def principal_basis(works: Array, dimensions: int) -> Projection:
    """Return the projection on the first principal components of these works."""
    mean = works.mean(axis=0)
    _, _, directions = np.linalg.svd(works - mean, full_matrices=False)
    return Projection(mean, directions[:dimensions])


class Projection:
    """A linear map into a small basis."""

    def __init__(self, mean: Array, directions: Array) -> None:
        self.mean, self.directions = mean, directions

    def __call__(self, works: Array) -> Array:
        """Return (n, k) coordinates of (n, d) works."""
        coordinates: Array = (works - self.mean) @ self.directions.T
        return coordinates


def require_works(one: Array, other: Array) -> None:
    """Raise InputError if two sets are too small or of different width."""
    if min(len(one), len(other)) < LEAST_WORKS:
        raise InputError(
            f"a distance of sets needs {LEAST_WORKS} works on each side",
            value=f"{len(one)} and {len(other)}",
            fix="give more artworks",
        )
    if one.shape[1] != other.shape[1]:
        raise InputError(
            "the two sets come from different encoders",
            value=f"{one.shape[1]} and {other.shape[1]} columns",
        )
