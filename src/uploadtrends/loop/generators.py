"""Generators that can be refitted to their own samples."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError


class Generator(Protocol):
    """What a retraining loop refits: two methods, so that any model of one's own will do."""

    def fit(self, data: Array, rng: np.random.Generator) -> Any:
        """Learn from (n, d) rows; return a fitted model, which may be `self`."""
        ...

    def sample(self, n: int, rng: np.random.Generator, bias: float) -> Array:
        """Draw (n, d) rows; `bias` scales the variance around each mode, 1 is unbiased."""
        ...


class Gaussian:
    """One multivariate normal, fitted by maximum likelihood."""

    mean: Array
    root: Array

    def fit(self, data: Array, rng: np.random.Generator) -> Gaussian:
        """Learn mean and covariance (divisor n)."""
        del rng
        self.mean = data.mean(axis=0)
        left = (data - self.mean) / np.sqrt(len(data))
        # R of a QR decomposition is a root of the covariance, whatever its rank.
        self.root = np.asarray(np.linalg.qr(left, mode="r"))
        return self

    @property
    def covariance(self) -> Array:
        """(d, d)"""
        product: Array = self.root.T @ self.root
        return product

    def sample(self, n: int, rng: np.random.Generator, bias: float) -> Array:
        """Draw rows."""
        noise = rng.standard_normal((n, len(self.root)))
        drawn: Array = self.mean + np.sqrt(bias) * (noise @ self.root)
        return drawn


class Mixture:
    """A mixture of normals with full covariances (scikit-learn), one refit per generation."""

    def __init__(self, components: int = 10) -> None:
        self.components = components

    def fit(self, data: Array, rng: np.random.Generator) -> Mixture:
        """Learn by expectation-maximisation from a seeded k-means start."""
        from sklearn.mixture import GaussianMixture

        seed = int(rng.integers(2**31))
        model = GaussianMixture(
            min(self.components, len(data)),
            reg_covar=1e-6 * float(data.var()) + 1e-12,
            random_state=seed,
        ).fit(data)
        self.weights, self.means, self.roots = (
            model.weights_ / model.weights_.sum(),
            model.means_,
            np.linalg.cholesky(model.covariances_),
        )
        return self

    def sample(self, n: int, rng: np.random.Generator, bias: float) -> Array:
        """Draw rows; `bias` scales the covariance of every component."""
        which = rng.choice(len(self.weights), n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        drawn: Array = self.means[which] + np.sqrt(bias) * np.einsum(
            "nij,nj->ni", self.roots[which], noise
        )
        return drawn


class Kernel:
    """A Gaussian kernel density estimate; its samples spread, they do not collapse.

    Parameters
    ----------
    bandwidth : float, optional
        Standard deviation of the kernel; by default Scott's rule from the first data seen, kept.
    """

    def __init__(self, bandwidth: float | None = None) -> None:
        self.bandwidth = bandwidth

    def fit(self, data: Array, rng: np.random.Generator) -> Kernel:
        """Keep the data; choose the bandwidth at the first fit."""
        del rng
        n, d = data.shape
        if self.bandwidth is None:
            self.bandwidth = float(data.std(axis=0).mean()) * n ** (-1 / (d + 4))
        self.data = data
        return self

    def sample(self, n: int, rng: np.random.Generator, bias: float) -> Array:
        """Draw rows near rows; `bias` scales the variance of the kernel."""
        assert self.bandwidth is not None  # noqa: S101 - told to the type checker
        chosen = self.data[rng.integers(len(self.data), size=n)]
        drawn: Array = chosen + self.bandwidth * np.sqrt(bias) * rng.standard_normal(chosen.shape)
        return drawn


_NAMED = {"gaussian": Gaussian, "gmm": Mixture, "kde": Kernel}


def generator_named(generator: Any) -> Generator:
    """Return a new generator by name, or the object given if it can fit and sample.

    Raises
    ------
    InputError
        For another name, or an object without these methods.
    """
    if isinstance(generator, str) and generator in _NAMED:
        made: Generator = _NAMED[generator]()
        return made
    if isinstance(generator, str) or not (
        hasattr(generator, "fit") and hasattr(generator, "sample")
    ):
        raise InputError(
            "no such generator",
            column="generator",
            value=generator if isinstance(generator, str) else type(generator).__name__,
            fix=f"one of {', '.join(_NAMED)}, or an object with fit(data, rng) and "
            "sample(n, rng, bias)",
        )
    found: Generator = generator
    return found
